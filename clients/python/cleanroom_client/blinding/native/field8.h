/* Eight integers modulo p at once, one in each 64-bit lane, with AVX-512 IFMA; knows no curve.
 *
 * Radix 2^51. A `fe8` is carried: limbs below 2^51 + 2^18, which the 52-bit multiplier takes whole.
 * A `fe8w` is a product not yet carried: limbs below 2^60. Sums and differences are taken of those,
 * so that each costs one carry in all. No branch and no address depends on a value.
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

static inline __m512i times19(__m512i x) { return _mm512_mullo_epi64(x, SET8(19)); }

/* One pass: what leaves a limb goes to the next, what leaves the last comes back times 19. */
static inline fe8 fe8_carry(fe8w a)
{
    const __m512i m = MASK8;
    __m512i c[5];
    fe8 r;
    for (int i = 0; i < 5; i++) {
        c[i] = _mm512_srli_epi64(a.v[i], 51);
        r.v[i] = _mm512_and_si512(a.v[i], m);
    }
    r.v[0] = ADD8(r.v[0], times19(c[4]));
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

static inline fe8 fe8_add(fe8w a, fe8w b)
{
    for (int i = 0; i < 5; i++)
        a.v[i] = ADD8(a.v[i], b.v[i]);
    return fe8_carry(a);
}

/* a - b + 2^10 p: limbs of b are below 2^60, those of 2^10 p just below 2^61. */
static inline fe8 fe8_sub(fe8w a, fe8w b)
{
    const uint64_t top = (UINT64_C(1) << 51) - 1;
    for (int i = 0; i < 5; i++) {
        const __m512i bias = SET8((i ? top : top - 18) << 10);
        a.v[i] = _mm512_sub_epi64(ADD8(a.v[i], bias), b.v[i]);
    }
    return fe8_carry(a);
}

/* t[0..9] in weights 2^(51 k) to five limbs: 2^255 = 19. */
static inline fe8w fe8_fold(const __m512i t[10])
{
    fe8w r;
    for (int i = 0; i < 5; i++)
        r.v[i] = ADD8(t[i], times19(t[i + 5]));
    return r;
}

/* a_i b_j = lo + 2^52 hi, and 2^52 = 2 * 2^51: high halves go to the next limb, doubled. */
static inline fe8w fe8_mul(fe8 a, fe8 b)
{
    __m512i t[10];
    for (int k = 0; k < 10; k++)
        t[k] = _mm512_setzero_si512();
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++)
#pragma GCC unroll 5
        for (int j = 0; j < 5; j++)
            t[i + j + 1] = HI8(t[i + j + 1], a.v[i], b.v[j]);
#pragma GCC unroll 10
    for (int k = 1; k < 10; k++)
        t[k] = ADD8(t[k], t[k]);
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++)
#pragma GCC unroll 5
        for (int j = 0; j < 5; j++)
            t[i + j] = LO8(t[i + j], a.v[i], b.v[j]);
    return fe8_fold(t);
}

/* Cross products once, then doubled. */
static inline fe8w fe8_square(fe8 a)
{
    __m512i t[10], l[10];
    for (int k = 0; k < 10; k++)
        t[k] = l[k] = _mm512_setzero_si512();
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++)
#pragma GCC unroll 5
        for (int j = i + 1; j < 5; j++) {
            t[i + j + 1] = HI8(t[i + j + 1], a.v[i], a.v[j]);
            l[i + j] = LO8(l[i + j], a.v[i], a.v[j]);
        }
#pragma GCC unroll 10
    for (int k = 1; k < 10; k++) {
        t[k] = ADD8(t[k], t[k]);
        if (k == 2 * (k / 2) + 1)
            t[k] = HI8(t[k], a.v[k / 2], a.v[k / 2]); /* the square of limb (k-1)/2 */
        t[k] = ADD8(ADD8(t[k], t[k]), ADD8(l[k], l[k]));
    }
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++)
        t[2 * i] = LO8(t[2 * i], a.v[i], a.v[i]);
    return fe8_fold(t);
}

/* a * small, small below 2^20. */
static inline fe8w fe8_times(fe8 a, uint64_t small)
{
    const __m512i s = SET8(small), none = _mm512_setzero_si512();
    __m512i hi[5];
    fe8w r;
    for (int i = 0; i < 5; i++) {
        hi[i] = HI8(none, a.v[i], s);
        hi[i] = ADD8(hi[i], hi[i]);
    }
    for (int i = 0; i < 5; i++)
        r.v[i] = LO8(i ? hi[i - 1] : times19(hi[4]), a.v[i], s);
    return r;
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
