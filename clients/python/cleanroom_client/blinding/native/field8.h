/* Eight integers modulo p at once, one in each 64-bit lane, with AVX-512 IFMA; knows no curve.
 *
 * Radix 2^51. A `fe8` is carried: limbs at most MAX = 2^51 + 2^15, which the 52-bit multiplier takes
 * whole. A `fe8w` is not yet carried: limbs below 2^61. Sums and differences are taken of those, so
 * that each costs one carry in all. No branch and no address depends on a value.
 */
#ifndef CLEANROOM_FIELD8_H
#define CLEANROOM_FIELD8_H

#include <immintrin.h>
#include <stdint.h>

typedef struct { __m512i v[5]; } fe8;
typedef struct { __m512i v[5]; } fe8w;

#define SET8(x) _mm512_set1_epi64((long long)(x))
#define LO8(acc, a, b) _mm512_madd52lo_epu64(acc, a, b)
#define HI8(acc, a, b) _mm512_madd52hi_epu64(acc, a, b)
#define ADD8(a, b) _mm512_add_epi64(a, b)
/* Bits from `shift` on of the 128-bit number high:low. */
#define JOIN8(low, shift, high) \
    _mm512_or_si512(_mm512_srli_epi64(low, shift), _mm512_slli_epi64(high, 64 - (shift)))
#define MASK8 SET8((UINT64_C(1) << 51) - 1)

/* `factor` hidden from gcc, which multiplies by shifts and additions where it knows a constant: five
 * instructions for one that the multiplier has room for.
 */
static inline __m512i times(__m512i x, uint64_t factor)
{
    __m512i y = SET8(factor);
    __asm__("" : "+v"(y));
    return _mm512_mullo_epi64(x, y);
}

/* One pass: what leaves a limb goes to the next, what leaves the last comes back times 19. Ensures
 * limbs at most MAX: below 2^10 leave a limb, and 19 * 2^10 < 2^15.
 */
static inline fe8 fe8_carry(fe8w a)
{
    const __m512i m = MASK8;
    __m512i c[5];
    fe8 r;
    for (int i = 0; i < 5; i++) {
        c[i] = _mm512_srli_epi64(a.v[i], 51);
        r.v[i] = _mm512_and_si512(a.v[i], m);
    }
    r.v[0] = LO8(r.v[0], c[4], SET8(19));
    for (int i = 1; i < 5; i++)
        r.v[i] = ADD8(r.v[i], c[i - 1]);
    return r;
}

static inline fe8w fe8_widen(fe8 a)
{
    fe8w r;
    for (int i = 0; i < 5; i++)
        r.v[i] = a.v[i];
    return r;
}

/* Limb i of 2^8 p over `part`. The whole is more than any limb of a product, so that a difference
 * whose minuend has it stays positive; products begin with it at no cost.
 */
static inline __m512i bias_limb(int i, unsigned part)
{
    return SET8(((UINT64_C(1) << 51) - (i ? 1 : 19)) * (256 / part));
}

static inline fe8w fe8_bias(fe8w a)
{
    for (int i = 0; i < 5; i++)
        a.v[i] = ADD8(a.v[i], bias_limb(i, 1));
    return a;
}

/* Requires that the limbs of both add up to less than 2^61, as do those of products. */
static inline fe8 fe8_add(fe8w a, fe8w b)
{
    for (int i = 0; i < 5; i++)
        a.v[i] = ADD8(a.v[i], b.v[i]);
    return fe8_carry(a);
}

/* Requires that `a` has the bias and that `b` is a product without, or smaller. */
static inline fe8 fe8_sub(fe8w a, fe8w b)
{
    for (int i = 0; i < 5; i++)
        a.v[i] = _mm512_sub_epi64(a.v[i], b.v[i]);
    return fe8_carry(a);
}

/* Bounds of products. a_i b_j = lo + 2^52 hi with lo < 2^52 and hi <= MAX^2 / 2^52 < 2^50 + 2^17;
 * 2^52 = 2 * 2^51, so that hi goes to the next column, doubled. Column n is thus lo of i + j = n and
 * twice hi of i + j = n - 1; limb k is column k and, as 2^255 = 19, 19 times column k + 5: together
 * (k + 1) + 19 (4 - k) times lo and k + 19 (5 - k) times 2 hi. That is most for k = 0,
 * 77 * 2^52 + 95 * (2^51 + 2^18) < 249 * 2^51 + 2^25, less than any limb of 2^8 p, which are at least
 * 2^59 - 19 * 2^8. So limbs are below 2^59, with the bias below 2^60.
 *
 * All five limbs grow together, row by row: the multiplier takes four cycles, and the next product
 * for the same sum comes five or more later. gcc keeps that order as long as it is not told to
 * schedule before it gives out registers (-fschedule-insns); then more values go to memory and back.
 */
static inline fe8w product(fe8 a, fe8 b, int biased)
{
    __m512i t[10];
    fe8w r;
    for (int k = 0; k < 5; k++)
        t[k] = biased ? bias_limb(k, 2) : _mm512_setzero_si512(), t[k + 5] = _mm512_setzero_si512();
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++)
#pragma GCC unroll 5
        for (int k = 0; k < 5; k++) {
            const int j = (k + 4 - i) % 5;
            t[i + j + 1] = HI8(t[i + j + 1], a.v[i], b.v[j]);
        }
#pragma GCC unroll 10
    for (int k = 0; k < 10; k++)
        t[k] = ADD8(t[k], t[k]);
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++)
#pragma GCC unroll 5
        for (int k = 0; k < 5; k++) {
            const int j = (k + 5 - i) % 5;
            t[i + j] = LO8(t[i + j], a.v[i], b.v[j]);
        }
    for (int k = 0; k < 5; k++)
        r.v[k] = ADD8(t[k], times(t[k + 5], 19));
    return r;
}

/* Each product of two different limbs once: its lo is doubled, its hi twice, and what is added
 * between the two doublings once. Columns 5, 7 and 9 leave the last to the factor.
 */
static inline fe8w squared(fe8 a, int biased)
{
    __m512i t[10];
    fe8w r;
    for (int k = 0; k < 5; k++)
        t[k] = biased ? bias_limb(k, 4) : _mm512_setzero_si512(), t[k + 5] = _mm512_setzero_si512();
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++)
#pragma GCC unroll 5
        for (int k = 0; k < 5; k++) {
            const int j = (k + 4 - i) % 5;
            if (i < j)
                t[i + j + 1] = HI8(t[i + j + 1], a.v[i], a.v[j]);
        }
#pragma GCC unroll 10
    for (int k = 0; k < 10; k++)
        t[k] = ADD8(t[k], t[k]);
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++)
        t[2 * i + 1] = HI8(t[2 * i + 1], a.v[i], a.v[i]);
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++)
#pragma GCC unroll 5
        for (int k = 0; k < 5; k++) {
            const int j = (k + 5 - i) % 5;
            if (i < j)
                t[i + j] = LO8(t[i + j], a.v[i], a.v[j]);
        }
#pragma GCC unroll 10
    for (int k = 0; k < 10; k++)
        if (k < 5 || k % 2 == 0)
            t[k] = ADD8(t[k], t[k]);
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++)
        t[2 * i] = LO8(t[2 * i], a.v[i], a.v[i]);
    for (int k = 0; k < 5; k++)
        r.v[k] = ADD8(t[k], times(t[k + 5], k % 2 ? 19 : 38));
    return r;
}

static inline fe8w fe8_mul(fe8 a, fe8 b) { return product(a, b, 0); }
static inline fe8w fe8_mul_biased(fe8 a, fe8 b) { return product(a, b, 1); }
static inline fe8w fe8_square(fe8 a) { return squared(a, 0); }
static inline fe8w fe8_square_biased(fe8 a) { return squared(a, 1); }

/* a + b * small, small below 2^20, a a product: adds less than 2^52 + 38 * 2^19 to a limb. */
static inline fe8w fe8_add_times(fe8w a, fe8 b, uint64_t small)
{
    const __m512i s = SET8(small), none = _mm512_setzero_si512();
    __m512i hi[5];
    for (int i = 0; i < 5; i++) {
        hi[i] = HI8(none, b.v[i], s);
        a.v[i] = LO8(a.v[i], b.v[i], s);
    }
    a.v[0] = LO8(a.v[0], hi[4], SET8(38));
    for (int i = 1; i < 5; i++)
        a.v[i] = ADD8(a.v[i], ADD8(hi[i - 1], hi[i - 1]));
    return a;
}

static inline fe8 fe8_select(fe8 a, fe8 b, __mmask8 take_b)
{
    for (int i = 0; i < 5; i++)
        a.v[i] = _mm512_mask_blend_epi64(take_b, a.v[i], b.v[i]);
    return a;
}

static inline fe8 fe8_small(uint64_t x)
{
    fe8 r;
    for (int i = 0; i < 5; i++)
        r.v[i] = SET8(i ? 0 : x);
    return r;
}

#endif
