/* The AVX-512 IFMA path: eight points in the lanes of a register, one scalar for all of them.
 *
 * Compiled for that instruction set alone and called only where the processor has it.
 */

#include "kernel.h"

#ifdef CLEANROOM_IFMA

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512ifma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512ifma")
/* Whatever the build asks for: limbs stay in registers only where loops over them are unrolled. */
#pragma GCC optimize("O3")
#endif

#include "field.h"
#include "field8.h"

#include <string.h>

enum { LANES = 8, BATCH = 64 }; /* BATCH groups share one inversion */

static inline fe8 mul(fe8 a, fe8 b) { return fe8_carry(fe8_mul(a, b)); }
static inline fe8 square(fe8 a) { return fe8_carry(fe8_square(a)); }

#define FE fe8
#define MUL mul
#define SQUARE square
#define NAME(x) x##_8
#include "powers.h"
/* Reads up to eight points; lanes beyond `lanes` repeat the first. */
static fe8 load_lanes(const uint8_t *points, size_t lanes)
{
    uint64_t limbs[5][LANES];
    fe8 r;
    for (size_t lane = 0; lane < LANES; lane++) {
        const fe a = fe_load(points + POINT * (lane < lanes ? lane : 0));
        for (int i = 0; i < 5; i++)
            limbs[i][lane] = a.v[i];
    }
    for (int i = 0; i < 5; i++)
        r.v[i] = _mm512_loadu_si512(limbs[i]);
    return r;
}

static void store_lanes(uint8_t *out, fe8 a, size_t lanes)
{
    uint64_t limbs[5][LANES];
    for (int i = 0; i < 5; i++)
        _mm512_storeu_si512(limbs[i], a.v[i]);
    for (size_t lane = 0; lane < lanes; lane++) {
        fe b;
        for (int i = 0; i < 5; i++)
            b.v[i] = limbs[i][lane];
        fe_store(out + POINT * lane, b);
    }
}

static size_t lanes_at(size_t n, size_t group)
{
    return n - LANES * group < LANES ? n - LANES * group : LANES;
}

/* The ladder of portable.c; the same bit selects in every lane. Between steps it holds the sums and
 * differences of x and z, of which the last give 2 x and 2 z. Products stand so that each has the
 * next for company while it waits for its own sums, and gcc keeps them in this order.
 */
static inline void ladder(fe8 u, const uint8_t k[32], fe8 *x_out, fe8 *z_out)
{
    const fe8w one = fe8_widen(fe8_small(1));
    fe8 a = fe8_small(1), b = a, c = fe8_add(fe8_widen(u), one), d = fe8_sub(fe8_bias(fe8_widen(u)), one);
    uint64_t before = 0;
    for (int t = 254; t >= 0; t--) {
        const uint64_t bit = k[t >> 3] >> (t & 7) & 1;
        const __mmask8 swap = (__mmask8)(0 - (bit ^ before));
        const fe8w da = fe8_mul_biased(d, a);
        const fe8 m = fe8_select(a, c, swap), n = fe8_select(b, d, swap);
        const fe8w aa = fe8_square_biased(m), bb = fe8_square(n);
        const fe8 e = fe8_sub(aa, bb);
        const fe8w cb = fe8_mul(c, b);
        const fe8 y = fe8_carry(bb), x = fe8_carry(aa), w = fe8_carry(fe8_add_times(aa, e, 121665));
        const fe8w x2 = fe8_mul_biased(x, y);
        const fe8 v = square(fe8_sub(da, cb));
        const fe8w z2 = fe8_mul(e, w);
        const fe8 s = fe8_add(da, cb);
        const fe8w z3 = fe8_mul(u, v);
        a = fe8_add(x2, z2), b = fe8_sub(x2, z2);
        const fe8w x3 = fe8_square_biased(s);
        c = fe8_add(x3, z3), d = fe8_sub(x3, z3);
        before = bit;
    }
    *x_out = fe8_add(fe8_widen(a), fe8_widen(b)), *z_out = fe8_sub(fe8_bias(fe8_widen(a)), fe8_widen(b));
}

void ifma_multiply(uint8_t *out, const uint8_t *points, const uint8_t scalar[32], size_t n)
{
    const size_t groups = (n + LANES - 1) / LANES;
    fe8 x[BATCH], z[BATCH], before[BATCH];
    uint8_t k[32];
    memcpy(k, scalar, 32);
    k[0] &= 248, k[31] &= 127, k[31] |= 64;
    for (size_t start = 0; start < groups; start += BATCH) {
        const size_t count = groups - start < BATCH ? groups - start : BATCH;
        fe8 product = fe8_small(1);
        for (size_t i = 0; i < count; i++) {
            const size_t group = start + i;
            ladder(load_lanes(points + POINT * LANES * group, lanes_at(n, group)), k, &x[i], &z[i]);
            before[i] = product;
            product = mul(product, z[i]);
        }
        fe8 inverse = invert_8(product);
        for (size_t i = count; i-- > 0;) {
            const size_t group = start + i;
            store_lanes(out + POINT * LANES * group, mul(x[i], mul(inverse, before[i])), lanes_at(n, group));
            inverse = mul(inverse, z[i]);
        }
    }
}

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
