/* The portable path: one point after the other, in C with 128-bit products, or with the ladder of
 * adx.c where the processor has it. The path `plain` never does.
 */

#include "field.h"
#include "kernel.h"
#include "ladder.h"
#include "sha512.h"

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

/* 48 uniform bytes, big-endian in the first six words, modulo p (RFC 9380, section 5.2). */
static fe reduce_words(const uint64_t s[8])
{
    uint8_t low[32];
    for (int i = 0; i < 4; i++)
        store64(low + 8 * i, s[5 - i]);
    low[31] &= 127;
    fe r = fe_load(low); /* bit 255 counts 19, and 2^256 counts 38 */
    const uint64_t h0 = s[1] & FE_MASK, h1 = (s[1] >> 51 | s[0] << 13) & FE_MASK, h2 = s[0] >> 38;
    r.v[0] += 19 * (s[2] >> 63) + 38 * h0;
    r.v[1] += 38 * h1;
    r.v[2] += 38 * h2;
    return fe_carry(r);
}

static fe hash_to_field(const expansion *e, const uint64_t after_pad[8], const uint8_t identity[32])
{
    uint64_t state[8], digest[8], w[16];
    memcpy(state, after_pad, sizeof state);
    for (int block = 0; block < e->first_blocks; block++) {
        memcpy(w, e->first[block], sizeof w);
        for (int i = 0; block == 0 && i < 4; i++)
            w[i] = __builtin_bswap64(load64(identity + 8 * i));
        sha512_block(state, w);
    }
    memcpy(digest, state, sizeof digest);
    memcpy(state, SHA512_IV, sizeof state);
    for (int block = 0; block < e->second_blocks; block++) {
        memcpy(w, e->second[block], sizeof w);
        if (block == 0)
            memcpy(w, digest, sizeof digest);
        sha512_block(state, w);
    }
    return reduce_words(state);
}

/* 1 where -J d (d^2 - J^2 d + J^2) is no square: see elligator in the Python path. */
static uint64_t takes_other_root(fe d)
{
    const uint64_t j = 486662;
    const fe j2 = fe_small(j * j);
    const fe t = fe_times(fe_mul(fe_add(fe_mul(fe_sub(d, j2), d), j2), d), j);
    uint8_t euler[32];
    fe_store(euler, euler_1(fe_sub(fe_small(0), t)));
    return euler[1] == 0xff; /* p - 1 for a non-square, 0 or 1 for a square */
}

void portable_hash(uint8_t *out, const uint8_t *identities, size_t n, const uint8_t *dst, size_t dst_bytes)
{
    expansion e;
    uint64_t after_pad[8], w[16] = {0};
    fe d[BATCH], before[BATCH];
    prepare_expansion(&e, dst, dst_bytes);
    memcpy(after_pad, SHA512_IV, sizeof after_pad);
    sha512_block(after_pad, w);
    for (size_t start = 0; start < n; start += BATCH) {
        const size_t count = n - start < BATCH ? n - start : BATCH;
        fe product = fe_small(1);
        for (size_t i = 0; i < count; i++) {
            const fe q = fe_square(hash_to_field(&e, after_pad, identities + POINT * (start + i)));
            d[i] = fe_add(fe_add(q, q), fe_small(1));
            before[i] = product;
            product = fe_mul(product, d[i]);
        }
        fe inverse = invert_1(product);
        for (size_t i = count; i-- > 0;) {
            const fe over = fe_times(fe_mul(inverse, before[i]), 486662);
            const fe x1 = fe_sub(fe_small(0), over), x2 = fe_sub(over, fe_small(486662));
            fe_store(out + POINT * (start + i), fe_select(x1, x2, takes_other_root(d[i])));
            inverse = fe_mul(inverse, d[i]);
        }
    }
}
