/* Integers modulo p = 2^255 - 19 in four whole words, for x86-64 with BMI2 and ADX; knows no curve.
 *
 * Any 256-bit value stands for its residue: 2^256 = 38. MULX leaves the flags alone and ADCX and ADOX
 * keep a carry each, so that a row of products is added in two chains at once; no compiler finds
 * those by itself. No branch and no address depends on a value.
 */
#ifndef CLEANROOM_FIELD4_H
#define CLEANROOM_FIELD4_H

#include "field.h"

typedef struct { uint64_t v[4]; } fe4;

static inline fe4 fe4_from(fe a)
{
    uint8_t bytes[32];
    fe_store(bytes, a);
    return (fe4){{load64(bytes), load64(bytes + 8), load64(bytes + 16), load64(bytes + 24)}};
}

/* Limbs below 2^52: bit 255 stays in the last. */
static inline fe fe4_to(fe4 a)
{
    const uint64_t *v = a.v;
    return (fe){{v[0] & FE_MASK, (v[0] >> 51 | v[1] << 13) & FE_MASK,
                 (v[1] >> 38 | v[2] << 26) & FE_MASK, (v[2] >> 25 | v[3] << 39) & FE_MASK,
                 v[3] >> 12}};
}

/* One row of the school method: the word in rdx times b, onto five words from r0 on, r4 new. */
#define ROW(r0, r1, r2, r3, r4)                              \
    "xorl %k[" r4 "], %k[" r4 "]\n\t"                        \
    "mulxq (%[b]), %%rax, %%rcx\n\t"                         \
    "adcxq %%rax, %[" r0 "]\n\tadoxq %%rcx, %[" r1 "]\n\t"   \
    "mulxq 8(%[b]), %%rax, %%rcx\n\t"                        \
    "adcxq %%rax, %[" r1 "]\n\tadoxq %%rcx, %[" r2 "]\n\t"   \
    "mulxq 16(%[b]), %%rax, %%rcx\n\t"                       \
    "adcxq %%rax, %[" r2 "]\n\tadoxq %%rcx, %[" r3 "]\n\t"   \
    "mulxq 24(%[b]), %%rax, %%rcx\n\t"                       \
    "adcxq %%rax, %[" r3 "]\n\tadoxq %%rcx, %[" r4 "]\n\t"   \
    "adcq $0, %[" r4 "]\n\t"

/* Eight words to four: the upper half counts 38, and so does what that carries. */
#define FOLD                                                 \
    "movl $38, %%edx\n\t"                                    \
    "xorl %%eax, %%eax\n\t"                                  \
    "mulxq %[r4], %%rax, %%rcx\n\t"                          \
    "movl $0, %k[r4]\n\t"                                    \
    "adcxq %%rax, %[r0]\n\tadoxq %%rcx, %[r1]\n\t"           \
    "mulxq %[r5], %%rax, %%rcx\n\t"                          \
    "adcxq %%rax, %[r1]\n\tadoxq %%rcx, %[r2]\n\t"           \
    "mulxq %[r6], %%rax, %%rcx\n\t"                          \
    "adcxq %%rax, %[r2]\n\tadoxq %%rcx, %[r3]\n\t"           \
    "mulxq %[r7], %%rax, %%rcx\n\t"                          \
    "adcxq %%rax, %[r3]\n\tadoxq %%rcx, %[r4]\n\t"           \
    "adcq $0, %[r4]\n\t"                                     \
    "imulq %%rdx, %[r4]\n\t"                                 \
    "addq %[r4], %[r0]\n\tadcq $0, %[r1]\n\t"                \
    "adcq $0, %[r2]\n\tadcq $0, %[r3]\n\t"                   \
    "sbbq %%rax, %%rax\n\tandl $38, %%eax\n\taddq %%rax, %[r0]\n\t"

static inline fe4 fe4_mul(fe4 a, fe4 b)
{
    fe4 r;
    uint64_t r4, r5, r6, r7;
    __asm__("movq (%[a]), %%rdx\n\t"
            "mulxq (%[b]), %[r0], %[r1]\n\t"
            "mulxq 8(%[b]), %%rax, %[r2]\n\taddq %%rax, %[r1]\n\t"
            "mulxq 16(%[b]), %%rax, %[r3]\n\tadcq %%rax, %[r2]\n\t"
            "mulxq 24(%[b]), %%rax, %[r4]\n\tadcq %%rax, %[r3]\n\tadcq $0, %[r4]\n\t"
            "movq 8(%[a]), %%rdx\n\t" ROW("r1", "r2", "r3", "r4", "r5")
            "movq 16(%[a]), %%rdx\n\t" ROW("r2", "r3", "r4", "r5", "r6")
            "movq 24(%[a]), %%rdx\n\t" ROW("r3", "r4", "r5", "r6", "r7") FOLD
            : [r0] "=&r"(r.v[0]), [r1] "=&r"(r.v[1]), [r2] "=&r"(r.v[2]), [r3] "=&r"(r.v[3]),
              [r4] "=&r"(r4), [r5] "=&r"(r5), [r6] "=&r"(r6), [r7] "=&r"(r7)
            : [a] "r"(a.v), [b] "r"(b.v), "m"(a), "m"(b)
            : "rax", "rcx", "rdx", "cc");
    return r;
}

/* Products of different words once, then doubled while the squares are added. */
static inline fe4 fe4_square(fe4 a)
{
    fe4 r;
    uint64_t r4, r5, r6, r7;
    __asm__("movq (%[a]), %%rdx\n\t"
            "mulxq 8(%[a]), %[r1], %[r2]\n\t"
            "mulxq 16(%[a]), %%rax, %[r3]\n\taddq %%rax, %[r2]\n\t"
            "mulxq 24(%[a]), %%rax, %[r4]\n\tadcq %%rax, %[r3]\n\tadcq $0, %[r4]\n\t"
            "movq 8(%[a]), %%rdx\n\t"
            "xorl %k[r5], %k[r5]\n\t"
            "mulxq 16(%[a]), %%rax, %%rcx\n\t"
            "adcxq %%rax, %[r3]\n\tadoxq %%rcx, %[r4]\n\t"
            "mulxq 24(%[a]), %%rax, %%rcx\n\t"
            "adcxq %%rax, %[r4]\n\tadoxq %%rcx, %[r5]\n\t"
            "movq 16(%[a]), %%rdx\n\t"
            "mulxq 24(%[a]), %%rax, %[r6]\n\t"
            "adcxq %%rax, %[r5]\n\tadcq $0, %[r6]\n\t"
            "movq (%[a]), %%rdx\n\t"
            "xorl %k[r7], %k[r7]\n\t"
            "mulxq %%rdx, %[r0], %%rcx\n\t"
            "adcxq %[r1], %[r1]\n\tadoxq %%rcx, %[r1]\n\t"
            "movq 8(%[a]), %%rdx\n\tmulxq %%rdx, %%rax, %%rcx\n\t"
            "adcxq %[r2], %[r2]\n\tadoxq %%rax, %[r2]\n\t"
            "adcxq %[r3], %[r3]\n\tadoxq %%rcx, %[r3]\n\t"
            "movq 16(%[a]), %%rdx\n\tmulxq %%rdx, %%rax, %%rcx\n\t"
            "adcxq %[r4], %[r4]\n\tadoxq %%rax, %[r4]\n\t"
            "adcxq %[r5], %[r5]\n\tadoxq %%rcx, %[r5]\n\t"
            "movq 24(%[a]), %%rdx\n\tmulxq %%rdx, %%rax, %%rcx\n\t"
            "adcxq %[r6], %[r6]\n\tadoxq %%rax, %[r6]\n\t"
            "adcxq %[r7], %[r7]\n\tadoxq %%rcx, %[r7]\n\t" FOLD
            : [r0] "=&r"(r.v[0]), [r1] "=&r"(r.v[1]), [r2] "=&r"(r.v[2]), [r3] "=&r"(r.v[3]),
              [r4] "=&r"(r4), [r5] "=&r"(r5), [r6] "=&r"(r6), [r7] "=&r"(r7)
            : [a] "r"(a.v), "m"(a)
            : "rax", "rcx", "rdx", "cc");
    return r;
}

static inline fe4 fe4_add(fe4 a, fe4 b)
{
    __asm__("addq %[b0], %[r0]\n\tadcq %[b1], %[r1]\n\tadcq %[b2], %[r2]\n\tadcq %[b3], %[r3]\n\t"
            "sbbq %%rax, %%rax\n\tandl $38, %%eax\n\t"
            "addq %%rax, %[r0]\n\tadcq $0, %[r1]\n\tadcq $0, %[r2]\n\tadcq $0, %[r3]\n\t"
            "sbbq %%rax, %%rax\n\tandl $38, %%eax\n\taddq %%rax, %[r0]"
            : [r0] "+&r"(a.v[0]), [r1] "+&r"(a.v[1]), [r2] "+&r"(a.v[2]), [r3] "+&r"(a.v[3])
            : [b0] "rm"(b.v[0]), [b1] "rm"(b.v[1]), [b2] "rm"(b.v[2]), [b3] "rm"(b.v[3])
            : "rax", "cc");
    return a;
}

static inline fe4 fe4_sub(fe4 a, fe4 b)
{
    __asm__("subq %[b0], %[r0]\n\tsbbq %[b1], %[r1]\n\tsbbq %[b2], %[r2]\n\tsbbq %[b3], %[r3]\n\t"
            "sbbq %%rax, %%rax\n\tandl $38, %%eax\n\t"
            "subq %%rax, %[r0]\n\tsbbq $0, %[r1]\n\tsbbq $0, %[r2]\n\tsbbq $0, %[r3]\n\t"
            "sbbq %%rax, %%rax\n\tandl $38, %%eax\n\tsubq %%rax, %[r0]"
            : [r0] "+&r"(a.v[0]), [r1] "+&r"(a.v[1]), [r2] "+&r"(a.v[2]), [r3] "+&r"(a.v[3])
            : [b0] "rm"(b.v[0]), [b1] "rm"(b.v[1]), [b2] "rm"(b.v[2]), [b3] "rm"(b.v[3])
            : "rax", "cc");
    return a;
}

/* a * small, small below 2^32. */
static inline fe4 fe4_times(fe4 a, uint32_t small)
{
    fe4 r;
    uint64_t r4;
    __asm__("mulxq %[a0], %[r0], %[r1]\n\t"
            "mulxq %[a1], %%rax, %[r2]\n\taddq %%rax, %[r1]\n\t"
            "mulxq %[a2], %%rax, %[r3]\n\tadcq %%rax, %[r2]\n\t"
            "mulxq %[a3], %%rax, %[r4]\n\tadcq %%rax, %[r3]\n\tadcq $0, %[r4]\n\t"
            "imulq $38, %[r4], %[r4]\n\t"
            "addq %[r4], %[r0]\n\tadcq $0, %[r1]\n\tadcq $0, %[r2]\n\tadcq $0, %[r3]\n\t"
            "sbbq %%rax, %%rax\n\tandl $38, %%eax\n\taddq %%rax, %[r0]"
            : [r0] "=&r"(r.v[0]), [r1] "=&r"(r.v[1]), [r2] "=&r"(r.v[2]), [r3] "=&r"(r.v[3]),
              [r4] "=&r"(r4)
            : "d"((uint64_t)small), [a0] "rm"(a.v[0]), [a1] "rm"(a.v[1]), [a2] "rm"(a.v[2]),
              [a3] "rm"(a.v[3])
            : "rax", "cc");
    return r;
}

/* bit ? b : a, for bit 0 or 1. */
static inline fe4 fe4_select(fe4 a, fe4 b, uint64_t bit)
{
    const uint64_t mask = 0 - bit;
    return (fe4){{a.v[0] ^ (mask & (a.v[0] ^ b.v[0])), a.v[1] ^ (mask & (a.v[1] ^ b.v[1])),
                  a.v[2] ^ (mask & (a.v[2] ^ b.v[2])), a.v[3] ^ (mask & (a.v[3] ^ b.v[3]))}};
}

#endif
