/* Legendre symbols modulo p in eight lanes of four groups side by side; knows no curve.
 *
 * The algorithm of legendre.h. Lanes differ in their values but not in what is done: every group
 * has the limbs that the longest number of all four groups needs, and steps go on until the last
 * lane is done, which changes nothing in the others.
 */
#ifndef CLEANROOM_LEGENDRE8_H
#define CLEANROOM_LEGENDRE8_H

#include "field8.h"

enum { QUAD = 4, LIMBS = 9, STEPS = 29 };

#define LIMB_MASK SET8((1 << STEPS) - 1)

/* Nine limbs of 29 bits; the top one is signed between an update and the test of its sign. */
typedef struct { __m512i v[LIMBS]; } wide8;

/* Bit 1 of `signs` says whether the sign was changed an odd number of times. */
typedef struct { wide8 a, b; __m512i signs; } symbol8;

/* Approximations, and factors f + 2^32 g: a' = (f a + g b) / 2^29 for `to_a`, b' for `to_b`. */
typedef struct { __m512i a, b, to_a, to_b, signs; } steps8;

static inline void symbol8_start(symbol8 *s, fe8 z)
{
    for (int i = 0; i < 4; i++) { /* the top limb may keep more than 51 bits */
        z.v[i + 1] = ADD8(z.v[i + 1], _mm512_srli_epi64(z.v[i], 51));
        z.v[i] = _mm512_and_si512(z.v[i], MASK8);
    }
#pragma GCC unroll 9
    for (int i = 0; i < LIMBS; i++) {
        const unsigned at = STEPS * (unsigned)i, limb = at / 51, shift = at % 51;
        __m512i x = _mm512_srli_epi64(z.v[limb], shift);
        if (shift > 51 - STEPS && limb < 4)
            x = _mm512_or_si512(x, _mm512_slli_epi64(z.v[limb + 1], 51 - shift));
        s->a.v[i] = _mm512_and_si512(x, LIMB_MASK);
        s->b.v[i] = i ? LIMB_MASK : SET8((1 << STEPS) - 19);
    }
    s->b.v[LIMBS - 1] = SET8((1 << (255 - STEPS * (LIMBS - 1))) - 1);
    s->signs = _mm512_setzero_si512();
}

/* 64 bits from the highest bit of limb `top` on. */
static inline __m512i window(const __m512i v[3])
{
    return _mm512_or_si512(
        _mm512_or_si512(_mm512_slli_epi64(v[2], 64 - STEPS), _mm512_slli_epi64(v[1], 64 - 2 * STEPS)),
        _mm512_srli_epi64(v[0], 3 * STEPS - 64));
}

static inline __m512i low_bits(const wide8 *x)
{
    return _mm512_or_si512(x->v[0], _mm512_slli_epi64(x->v[1], STEPS));
}

/* Top 31 bits at a common place, low 32 bits. */
static inline __m512i approximate(const wide8 *x, __m512i top, __m512i zeros)
{
    const __m512i high = _mm512_srli_epi64(_mm512_sllv_epi64(top, zeros), 1), low32 = SET8(0xffffffff);
    return _mm512_ternarylogic_epi64(low32, low_bits(x), high, 0xCA);
}

/* Requires that no number of the group has a limb above `top`, except where a is zero. */
static inline steps8 begin_steps(const symbol8 *s, int top)
{
    steps8 r = {low_bits(&s->a), low_bits(&s->b), SET8(1), SET8(INT64_C(1) << 32), s->signs};
    if (top < 2) /* 58 bits at most: exact */
        return r;
    const __mmask8 none = top > 2 ? _mm512_testn_epi64_mask(_mm512_or_si512(s->a.v[top], s->b.v[top]), SET8(-1)) : 0;
    __m512i a[3], b[3];
    for (int i = 0; i < 3; i++) { /* where limb `top` is zero, from the limb below on */
        const int limb = top - 2 + i, below = limb ? limb - 1 : 0;
        a[i] = _mm512_mask_mov_epi64(s->a.v[limb], none, s->a.v[below]);
        b[i] = _mm512_mask_mov_epi64(s->b.v[limb], none, s->b.v[below]);
    }
    const __m512i top_a = window(a), top_b = window(b);
    __m512i zeros = _mm512_lzcnt_epi64(_mm512_or_si512(top_a, top_b));
    if (top <= 3) /* numbers of 63 bits or fewer: the top bits begin where the low bits end */
        zeros = _mm512_mask_min_epu64(zeros, top == 2 ? 0xff : none, zeros, SET8(3 * STEPS - 63));
    r.a = approximate(&s->a, top_a, zeros);
    r.b = approximate(&s->b, top_b, zeros);
    return r;
}

/* Where a is odd, a and b become the difference and the smaller; then a is halved. */
static inline void step(steps8 *s)
{
    const __mmask8 odd = _mm512_test_epi64_mask(s->a, SET8(1));
    const __m512i difference = _mm512_mask_sub_epi64(s->a, odd, s->a, s->b);
    const __m512i factors = _mm512_mask_sub_epi64(s->to_a, odd, s->to_a, s->to_b);
    const __mmask8 swap = _mm512_movepi64_mask(difference);
    s->signs = _mm512_mask_ternarylogic_epi64(s->signs, swap, s->a, s->b, 0x78);
    s->b = _mm512_mask_mov_epi64(s->b, swap, s->a);
    s->to_b = _mm512_mask_mov_epi64(s->to_b, swap, s->to_a);
    s->to_b = ADD8(s->to_b, s->to_b);
    s->to_a = _mm512_mask_sub_epi64(factors, swap, _mm512_setzero_si512(), factors);
    s->a = _mm512_srli_epi64(_mm512_abs_epi64(difference), 1);
    s->signs = _mm512_ternarylogic_epi64(s->signs, s->b, _mm512_srli_epi64(s->b, 1), 0x96);
}

/* (f a + g b) / 2^29; returns the lanes in which that is negative. */
static inline __mmask8 combine(wide8 *r, const wide8 *a, const wide8 *b, __m512i factors, int top)
{
    const __m512i g = _mm512_srli_epi64(ADD8(factors, SET8(INT64_C(1) << 31)), 32);
    __m512i carry = _mm512_setzero_si512();
    for (int i = 0; i <= top; i++) {
        const __m512i x = ADD8(_mm512_mul_epi32(a->v[i], factors), _mm512_mul_epi32(b->v[i], g));
        carry = ADD8(carry, x);
        if (i)
            r->v[i - 1] = _mm512_and_si512(carry, LIMB_MASK);
        carry = _mm512_srai_epi64(carry, STEPS);
    }
    r->v[top] = carry;
    return _mm512_movepi64_mask(carry);
}

static __attribute__((noinline)) void negate(wide8 *x, __mmask8 lanes, int top)
{
    __m512i carry = _mm512_setzero_si512();
    for (int i = 0; i <= top; i++) {
        carry = _mm512_sub_epi64(carry, x->v[i]);
        x->v[i] = _mm512_mask_mov_epi64(x->v[i], lanes, _mm512_and_si512(carry, LIMB_MASK));
        carry = _mm512_srai_epi64(carry, STEPS);
    }
}

static inline void end_steps(symbol8 *s, const steps8 *t, int top)
{
    wide8 a, b;
    const __mmask8 minus_a = combine(&a, &s->a, &s->b, t->to_a, top);
    const __mmask8 minus_b = combine(&b, &s->a, &s->b, t->to_b, top);
    for (int i = 0; i <= top; i++)
        s->a.v[i] = a.v[i], s->b.v[i] = b.v[i];
    s->signs = t->signs;
    if (minus_b)
        negate(&s->b, minus_b, top);
    if (minus_a) { /* rare, like the other: the approximations misled */
        negate(&s->a, minus_a, top);
        s->signs = _mm512_mask_xor_epi64(s->signs, minus_a, s->signs, s->b.v[0]);
    }
}

/* The limb above which all numbers of four groups are zero, or -1 where all lanes are done: a is
 * zero. A lane that is done does not count, since its b is p where z is zero: the window would stay
 * so high for ever that the other lanes saw nothing of their numbers.
 */
static inline int highest(const symbol8 *s, int top)
{
    __mmask8 active[QUAD], any = 0;
    for (int i = 0; i < QUAD; i++) {
        __m512i a = s[i].a.v[0];
        for (int limb = 1; limb <= top; limb++)
            a = _mm512_or_si512(a, s[i].a.v[limb]);
        active[i] = _mm512_test_epi64_mask(a, a);
        any |= active[i];
    }
    for (; any; top--) {
        for (int i = 0; i < QUAD; i++) {
            const __m512i x = _mm512_or_si512(s[i].a.v[top], s[i].b.v[top]);
            if (_mm512_mask_test_epi64_mask(active[i], x, x))
                return top;
        }
    }
    return -1;
}

/* The lanes of four groups that hold no square modulo p. Zero counts as a square. */
static void find_nonsquares(__mmask8 found[QUAD], const fe8 z[QUAD])
{
    symbol8 s[QUAD];
    for (int i = 0; i < QUAD; i++)
        symbol8_start(&s[i], z[i]);
    for (int top = highest(s, LIMBS - 1); top >= 0; top = highest(s, top)) {
        steps8 a = begin_steps(&s[0], top), b = begin_steps(&s[1], top);
        steps8 c = begin_steps(&s[2], top), d = begin_steps(&s[3], top);
        for (int i = 0; i < STEPS; i++)
            step(&a), step(&b), step(&c), step(&d);
        end_steps(&s[0], &a, top), end_steps(&s[1], &b, top);
        end_steps(&s[2], &c, top), end_steps(&s[3], &d, top);
    }
    for (int i = 0; i < QUAD; i++) {
        const __mmask8 one = _mm512_cmpeq_epi64_mask(s[i].b.v[0], SET8(1)); /* else the gcd is p */
        found[i] = _mm512_mask_test_epi64_mask(one, s[i].signs, SET8(2));
    }
}

#endif
