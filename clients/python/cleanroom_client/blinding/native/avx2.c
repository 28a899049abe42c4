/* The ladder of the AVX2 path: four points in the lanes of a register, one scalar for all of them.
 *
 * Compiled for AVX2 and FMA alone and called only where the processor has both.
 */

#include "ladder.h"

#ifdef CLEANROOM_AVX2

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#include "field4d.h"

enum { LANES = 4 };

static fe4w read_lanes(const fe *u, uint64_t bias)
{
    uint64_t limbs[5][LANES];
    fe4w r;
    for (int lane = 0; lane < LANES; lane++)
        for (int i = 0; i < 5; i++)
            limbs[i][lane] = u[lane].v[i] + bias;
    for (int i = 0; i < 5; i++)
        r.v[i] = _mm256_loadu_si256((const __m256i *)limbs[i]);
    return r;
}

/* Adds 2p, so that no limb stays below zero. */
static void write_lanes(fe *out, fe4d a)
{
    uint64_t limbs[5][LANES];
    for (int i = 0; i < 5; i++) {
        const __m256d shifted = _mm256_add_pd(a.v[i], _mm256_set1_pd(LOW));
        _mm256_storeu_si256((__m256i *)limbs[i], BITS4(shifted));
    }
    for (int lane = 0; lane < LANES; lane++) {
        fe b;
        for (int i = 0; i < 5; i++)
            b.v[i] = limbs[i][lane] - LOW_BITS + 2 * (i ? FE_MASK : FE_MASK - 18);
        out[lane] = fe_carry(b);
    }
}

/* Not inlined: no arithmetic of it may move to where the mode of rounding is another. */
__attribute__((noinline)) static void climb(const fe *points, const uint8_t k[32], fe *x, fe *z)
{
    const fe4d u = fe4d_carry(read_lanes(points, BIAS));
    fe4w x2 = fe4d_small(1, HALF_BIAS), z2 = fe4d_small(0, HALF_BIAS);
    fe4w x3 = read_lanes(points, HALF_BIAS), z3 = fe4d_small(1, HALF_BIAS);
    uint64_t before = 0;
    for (int t = 254; t >= 0; t--) {
        const uint64_t bit = k[t >> 3] >> (t & 7) & 1;
        const __m256d swap = _mm256_castsi256_pd(INT4(0 - (bit ^ before)));
        const fe4d a = fe4d_add(x2, z2), b = fe4d_sub(x2, z2), c = fe4d_add(x3, z3), d = fe4d_sub(x3, z3);
        const fe4w da = fe4d_mul(d, a, HALF_BIAS), cb = fe4d_mul(c, b, HALF_BIAS);
        const fe4w aa = fe4d_square(fe4d_select(a, c, swap), BIAS);
        const fe4d aa_carried = fe4d_carry(aa);
        const fe4d bb = fe4d_carry(fe4d_square(fe4d_select(b, d, swap), BIAS));
        const fe4d e = fe4d_minus(aa_carried, bb);
        x3 = fe4d_square(fe4d_add(da, cb), HALF_BIAS);
        z3 = fe4d_mul(u, fe4d_carry(fe4d_square(fe4d_sub(da, cb), BIAS)), HALF_BIAS);
        x2 = fe4d_mul(aa_carried, bb, HALF_BIAS);
        z2 = fe4d_mul(e, fe4d_carry(fe4d_times_plus(e, 121665, aa)), HALF_BIAS);
        before = bit;
    }
    const fe4w none = fe4d_small(0, HALF_BIAS);
    write_lanes(x, fe4d_add(x2, none)), write_lanes(z, fe4d_add(z2, none));
}

void avx2_ladder(const fe *points, const uint8_t k[32], fe *x, fe *z)
{
    const unsigned mode = _mm_getcsr();
    _mm_setcsr(0x1f80); /* to nearest, exact for subnormals, no traps: the field needs the first */
    climb(points, k, x, z);
    _mm_setcsr(mode);
}

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
