/* The portable path: one point after the other, in C with 128-bit products, or with the ladder of
 * adx.c where the processor has it. The path `plain` never does.
 */

#include "field.h"
#include "kernel.h"
#include "ladder.h"

#define FE fe
#define MUL fe_mul
#define SQUARE fe_square
#define NAME(x) x##_1
#include "powers.h"

enum { BATCH = 64 }; /* points that share one inversion (Montgomery's trick) */

/* The x-only ladder of RFC 7748, section 5: k * u as x/z. One doubling and one addition for each
 * bit, whatever the bit: it only selects which of the two points is doubled.
 */
static void plain_ladder(const fe *point, const uint8_t k[32], fe *x, fe *z)
{
    const fe u = *point;
    fe x2 = fe_small(1), z2 = fe_small(0), x3 = u, z3 = fe_small(1);
    uint64_t before = 0;
    for (int t = 254; t >= 0; t--) {
        const uint64_t bit = k[t >> 3] >> (t & 7) & 1, swap = bit ^ before;
        const fe a = fe_plus(x2, z2), b = fe_minus(x2, z2), c = fe_plus(x3, z3), d = fe_minus(x3, z3);
        const fe da = fe_mul(d, a), cb = fe_mul(c, b);
        const fe aa = fe_square(fe_select(a, c, swap)), bb = fe_square(fe_select(b, d, swap));
        const fe e = fe_minus(aa, bb);
        x3 = fe_square(fe_plus(da, cb));
        z3 = fe_mul(u, fe_square(fe_minus(da, cb)));
        x2 = fe_mul(aa, bb);
        z2 = fe_mul(e, fe_plus(aa, fe_times(e, 121665)));
        before = bit;
    }
    *x = x2, *z = z2; /* bit 0 of a clamped scalar is 0: nothing is left to swap */
}

/* Points beyond the last repeat the first of their batch, to fill the lanes. */
static void climb_batch(ladder *climb, size_t lanes, const uint8_t *points, size_t count, const uint8_t k[32],
                        fe x[BATCH], fe z[BATCH])
{
    fe u[BATCH];
    for (size_t i = 0; i < BATCH; i++)
        u[i] = fe_load(points + POINT * (i < count ? i : 0));
    for (size_t i = 0; i < count; i += lanes)
        climb(u + i, k, x + i, z + i);
}

static void multiply_with(ladder *climb, size_t lanes, uint8_t *out, const uint8_t *points,
                          const uint8_t scalar[32], size_t n)
{
    fe x[BATCH], z[BATCH], before[BATCH];
    uint8_t k[32];
    memcpy(k, scalar, 32);
    k[0] &= 248, k[31] &= 127, k[31] |= 64;
    for (size_t start = 0; start < n; start += BATCH) {
        const size_t count = n - start < BATCH ? n - start : BATCH;
        fe product = fe_small(1);
        climb_batch(climb, lanes, points + POINT * start, count, k, x, z);
        for (size_t i = 0; i < count; i++) {
            before[i] = product;
            product = fe_mul(product, z[i]);
        }
        fe inverse = invert_1(product);
        for (size_t i = count; i-- > 0;) {
            fe_store(out + POINT * (start + i), fe_mul(x[i], fe_mul(inverse, before[i])));
            inverse = fe_mul(inverse, z[i]);
        }
    }
}

void plain_multiply(uint8_t *out, const uint8_t *points, const uint8_t scalar[32], size_t n)
{
    multiply_with(plain_ladder, 1, out, points, scalar, n);
}

void portable_multiply(uint8_t *out, const uint8_t *points, const uint8_t scalar[32], size_t n)
{
#ifdef CLEANROOM_ADX
    if (has_adx()) {
        multiply_with(adx_ladder, 1, out, points, scalar, n);
        return;
    }
#endif
    plain_multiply(out, points, scalar, n);
}

#ifdef CLEANROOM_AVX2
void avx2_multiply(uint8_t *out, const uint8_t *points, const uint8_t scalar[32], size_t n)
{
    multiply_with(avx2_ladder, 4, out, points, scalar, n);
}
#endif
