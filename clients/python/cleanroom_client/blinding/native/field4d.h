/* Four integers modulo p at once, one in each double of an AVX register, with FMA; knows no curve.
 *
 * AVX2 multiplies 32 bits at most, but a fused multiply-add of doubles rounds once: with a large
 * constant added, the sum keeps the upper half of a product, and a second one gives the lower half,
 * exactly (T. J. Dekker, 1971; N. Emmart, F. Zheng, C. Weems, 2018). So radix 2^51 needs 25 pairs
 * where 32-bit products need 100.
 *
 * A `fe4d` is carried: integers of at most 2^50 + 2^14 in absolute value. A `fe4w` is a product not
 * yet carried: signed 64-bit limbs below 2^59 in absolute value, plus the bias it was made with.
 * Requires rounding to nearest. No branch and no address depends on a value, and no operand is a
 * subnormal number, an infinity or not a number, which some processors take longer for.
 */
#ifndef CLEANROOM_FIELD4D_H
#define CLEANROOM_FIELD4D_H

#include <immintrin.h>
#include <stdint.h>

typedef struct { __m256d v[5]; } fe4d;
typedef struct { __m256i v[5]; } fe4w;

#define INT4(x) _mm256_set1_epi64x((long long)(x))
#define BITS4(x) _mm256_castpd_si256(x)
#define ADD4(a, b) _mm256_add_epi64(a, b)

/* Near 1.5 * 2^103 doubles are 2^51 apart, near 1.5 * 2^52 they are 1 apart; the bits of a double
 * there, less those of the constant, are the multiple as a signed integer.
 */
#define HIGH 0x1.8p103
#define LOW 0x1.8p52
#define HIGH_BITS UINT64_C(0x4668000000000000)
#define LOW_BITS UINT64_C(0x4338000000000000)

/* With BIAS a limb is positive, and its lower 51 bits less 2^50 are the carried limb. */
#define BIAS ((UINT64_C(1) << 60) + (UINT64_C(1) << 50))
#define HALF_BIAS (BIAS / 2)

/* One pass: what leaves a limb goes to the next, what leaves the last comes back times 19.
 * Requires limbs with BIAS.
 */
static inline fe4d fe4d_carry(fe4w a)
{
    const __m256i mask = INT4((UINT64_C(1) << 51) - 1), unit = BITS4(_mm256_set1_pd(0x1p52));
    fe4d r;
    for (int i = 0; i < 5; i++) {
        const __m256i from = _mm256_srli_epi64(a.v[(i + 4) % 5], 51);
        const __m256i in = i ? from : _mm256_mul_epu32(from, INT4(19));
        const __m256i sum = ADD4(_mm256_and_si256(a.v[i], mask), ADD4(in, unit));
        const double offset = 0x1p52 + 0x1p50 + (i ? 1 : 19) * 0x1p9;
        r.v[i] = _mm256_sub_pd(_mm256_castsi256_pd(sum), _mm256_set1_pd(offset));
    }
    return r;
}

/* Both with HALF_BIAS. */
static inline fe4d fe4d_add(fe4w a, fe4w b)
{
    for (int i = 0; i < 5; i++)
        a.v[i] = ADD4(a.v[i], b.v[i]);
    return fe4d_carry(a);
}

/* Both with the same bias. */
static inline fe4d fe4d_sub(fe4w a, fe4w b)
{
    for (int i = 0; i < 5; i++)
        a.v[i] = ADD4(_mm256_sub_epi64(a.v[i], b.v[i]), INT4(BIAS));
    return fe4d_carry(a);
}

/* a - b of carried elements, limbs below 2^51 + 2^15: to be multiplied by a carried one only. */
static inline fe4d fe4d_minus(fe4d a, fe4d b)
{
    for (int i = 0; i < 5; i++)
        a.v[i] = _mm256_sub_pd(a.v[i], b.v[i]);
    return a;
}

/* *high += the product of a and b in units of 2^51, *low += the rest, each with its constant's bits.
 * Requires |a b| < 2^102. HIGH + LOW is a double, and so are all differences here.
 */
static inline void add_product(__m256i *low, __m256i *high, __m256d a, __m256d b)
{
    const __m256d h = _mm256_fmadd_pd(a, b, _mm256_set1_pd(HIGH));
    const __m256d l = _mm256_fmadd_pd(a, b, _mm256_sub_pd(_mm256_set1_pd(HIGH + LOW), h));
    *high = ADD4(*high, BITS4(h));
    *low = ADD4(*low, BITS4(l));
}

/* t[0..9] in weights 2^(51 k) to five limbs: 2^255 = 19. */
static inline fe4w fe4d_fold(const __m256i t[10])
{
    fe4w r;
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++) {
        const __m256i x = t[i + 5], x18 = ADD4(_mm256_slli_epi64(x, 4), _mm256_slli_epi64(x, 1));
        r.v[i] = ADD4(ADD4(t[i], x), x18);
    }
    return r;
}

/* Takes back the constants' bits of `lows` and `highs` products, and adds the bias. */
static inline __m256i start_at(uint64_t lows, uint64_t highs, uint64_t bias)
{
    return INT4(bias - lows * LOW_BITS - highs * HIGH_BITS);
}

static inline fe4w fe4d_mul(fe4d a, fe4d b, uint64_t bias)
{
    __m256i t[10];
#pragma GCC unroll 10
    for (int k = 0; k < 10; k++)
        t[k] = start_at(k < 5 ? k + 1 : 9 - k, k < 6 ? k : 10 - k, k < 5 ? bias : 0);
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++)
#pragma GCC unroll 5
        for (int j = 0; j < 5; j++)
            add_product(&t[i + j], &t[i + j + 1], a.v[i], b.v[j]);
    return fe4d_fold(t);
}

/* Cross products once, of doubled limbs. */
static inline fe4w fe4d_square(fe4d a, uint64_t bias)
{
    __m256i t[10];
#pragma GCC unroll 10
    for (int k = 0; k < 10; k++)
        t[k] = start_at((k < 5 ? k + 2 : 10 - k) / 2, (k < 6 ? k + 1 : 11 - k) / 2, k < 5 ? bias : 0);
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++) {
        const __m256d twice = _mm256_add_pd(a.v[i], a.v[i]);
        add_product(&t[2 * i], &t[2 * i + 1], a.v[i], a.v[i]);
#pragma GCC unroll 5
        for (int j = i + 1; j < 5; j++)
            add_product(&t[i + j], &t[i + j + 1], twice, a.v[j]);
    }
    return fe4d_fold(t);
}

/* a * small + b, with the bias of b; small below 2^20. */
static inline fe4w fe4d_times_plus(fe4d a, double small, fe4w b)
{
    __m256i low[5], high[5];
    fe4w r;
    for (int i = 0; i < 5; i++) {
        low[i] = ADD4(b.v[i], start_at(1, i ? 1 : 19, 0));
        high[i] = INT4(0);
        add_product(&low[i], &high[i], a.v[i], _mm256_set1_pd(small));
    }
    const __m256i x = high[4], x18 = ADD4(_mm256_slli_epi64(x, 4), _mm256_slli_epi64(x, 1));
    r.v[0] = ADD4(low[0], ADD4(x, x18));
    for (int i = 1; i < 5; i++)
        r.v[i] = ADD4(low[i], high[i - 1]);
    return r;
}

static inline fe4d fe4d_select(fe4d a, fe4d b, __m256d take_b)
{
    for (int i = 0; i < 5; i++)
        a.v[i] = _mm256_blendv_pd(a.v[i], b.v[i], take_b);
    return a;
}

static inline fe4w fe4d_small(uint64_t x, uint64_t bias)
{
    fe4w r;
    for (int i = 0; i < 5; i++)
        r.v[i] = INT4(bias + (i ? 0 : x));
    return r;
}

#endif
