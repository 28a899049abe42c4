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
/* Products ordered before registers are given out: the ladder takes an eighth less time. */
#pragma GCC optimize("O3", "schedule-insns", "sched-pressure")
#endif

#include "field.h"
#include "field8.h"
#include "sha512x8.h"

#include <string.h>

enum { LANES = 8, BATCH = 64, QUAD = 4 }; /* BATCH groups share one inversion */

static inline fe8 mul(fe8 a, fe8 b) { return fe8_carry(fe8_mul(a, b)); }
static inline fe8 square(fe8 a) { return fe8_carry(fe8_square(a)); }

#define FE fe8
#define MUL mul
#define SQUARE square
#define NAME(x) x##_8
#include "powers.h"
#undef FE
#undef MUL
#undef SQUARE
#undef NAME

/* Four groups side by side: a chain of squarings waits for itself, four chains fill the gaps. */
typedef struct { fe8 g[QUAD]; } fe32;

static inline fe32 mul_32(fe32 a, fe32 b)
{
    for (int i = 0; i < QUAD; i++)
        a.g[i] = mul(a.g[i], b.g[i]);
    return a;
}

static inline fe32 square_32(fe32 a)
{
    for (int i = 0; i < QUAD; i++)
        a.g[i] = square(a.g[i]);
    return a;
}

#define FE fe32
#define MUL mul_32
#define SQUARE square_32
#define NAME(x) x##_32
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

/* The ladder of portable.c; the same bit selects in every lane. */
static inline void ladder(fe8 u, const uint8_t k[32], fe8 *x, fe8 *z)
{
    fe8w x2 = fe8_widen(fe8_small(1)), z2 = fe8_widen(fe8_small(0));
    fe8w x3 = fe8_widen(u), z3 = fe8_widen(fe8_small(1));
    uint64_t before = 0;
    for (int t = 254; t >= 0; t--) {
        const uint64_t bit = k[t >> 3] >> (t & 7) & 1;
        const __mmask8 swap = (__mmask8)(0 - (bit ^ before));
        const fe8 a = fe8_add(x2, z2), b = fe8_sub(x2, z2), c = fe8_add(x3, z3), d = fe8_sub(x3, z3);
        const fe8w da = fe8_mul(d, a), cb = fe8_mul(c, b);
        const fe8w aa = fe8_square(fe8_select(a, c, swap)), bb = fe8_square(fe8_select(b, d, swap));
        const fe8 e = fe8_sub(aa, bb);
        x3 = fe8_square(fe8_add(da, cb));
        z3 = fe8_mul(u, square(fe8_sub(da, cb)));
        x2 = fe8_mul(fe8_carry(aa), fe8_carry(bb));
        z2 = fe8_mul(e, fe8_add(aa, fe8_times(e, 121665)));
        before = bit;
    }
    *x = fe8_carry(x2), *z = fe8_carry(z2);
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

/* 48 uniform bytes, big-endian in the first six words, modulo p (RFC 9380, section 5.2). */
static fe8 reduce_words(const __m512i s[8])
{
    const __m512i m = MASK8, k38 = SET8(38);
    const __m512i h0 = _mm512_and_si512(s[1], m), h2 = _mm512_srli_epi64(s[0], 38);
    const __m512i h1 = _mm512_and_si512(JOIN8(s[1], 51, s[0]), m);
    fe8w r;
    r.v[0] = ADD8(_mm512_and_si512(s[5], m), _mm512_mullo_epi64(h0, k38));
    r.v[1] = ADD8(_mm512_and_si512(JOIN8(s[5], 51, s[4]), m), _mm512_mullo_epi64(h1, k38));
    r.v[2] = ADD8(_mm512_and_si512(JOIN8(s[4], 38, s[3]), m), _mm512_mullo_epi64(h2, k38));
    r.v[3] = _mm512_and_si512(JOIN8(s[3], 25, s[2]), m);
    r.v[4] = _mm512_srli_epi64(s[2], 12); /* 52 bits: bit 255 is carried as 19 */
    return fe8_carry(r);
}

static void broadcast(__m512i w[16], const uint64_t words[16], int from)
{
    for (int i = from; i < 16; i++)
        w[i] = SET8(words[i]);
}

static void message_words(__m512i w[4], const uint8_t *identities, size_t lanes)
{
    for (int i = 0; i < 4; i++) {
        uint64_t word[LANES];
        for (size_t lane = 0; lane < LANES; lane++)
            word[lane] = __builtin_bswap64(load64(identities + POINT * (lane < lanes ? lane : 0) + 8 * i));
        w[i] = _mm512_loadu_si512(word);
    }
}

static fe8 hash_to_field(const expansion *e, const __m512i after_pad[8], const uint8_t *identities, size_t lanes)
{
    __m512i state[8], w[16], digest[8];
    memcpy(state, after_pad, sizeof state);
    for (int block = 0; block < e->first_blocks; block++) {
        broadcast(w, e->first[block], block ? 0 : 4);
        if (block == 0)
            message_words(w, identities, lanes);
        sha512x8_block(state, w);
    }
    memcpy(digest, state, sizeof digest);
    for (int i = 0; i < 8; i++)
        state[i] = SET8(SHA512_IV[i]);
    for (int block = 0; block < e->second_blocks; block++) {
        broadcast(w, e->second[block], block ? 0 : 8);
        if (block == 0)
            memcpy(w, digest, sizeof digest);
        sha512x8_block(state, w);
    }
    return reduce_words(state);
}

/* -J d (d^2 - J^2 d + J^2): see portable.c. */
static fe8 numerator(fe8 d)
{
    const uint64_t j = 486662;
    const fe8w j2 = fe8_widen(fe8_small(j * j));
    const fe8 s = fe8_add(fe8_mul(fe8_sub(fe8_widen(d), j2), d), j2);
    return fe8_sub(fe8_widen(fe8_small(0)), fe8_times(mul(s, d), j));
}

/* Which lanes of four groups hold no square; groups beyond `count` repeat the first. */
static void find_other_roots(__mmask8 other[QUAD], const fe8 *d, size_t count)
{
    uint8_t bytes[POINT * LANES];
    fe32 t;
    for (size_t i = 0; i < QUAD; i++)
        t.g[i] = numerator(d[i < count ? i : 0]);
    t = euler_32(t);
    for (size_t i = 0; i < count; i++) {
        store_lanes(bytes, t.g[i], LANES);
        other[i] = 0;
        for (int lane = 0; lane < LANES; lane++) /* p - 1 for a non-square, 0 or 1 for a square */
            other[i] |= (__mmask8)((bytes[POINT * lane + 1] == 0xff) << lane);
    }
}

void ifma_hash(uint8_t *out, const uint8_t *identities, size_t n, const uint8_t *dst, size_t dst_bytes)
{
    const size_t groups = (n + LANES - 1) / LANES;
    const fe8w none = fe8_widen(fe8_small(0)), j = fe8_widen(fe8_small(486662));
    fe8 d[BATCH], before[BATCH];
    __mmask8 other[BATCH];
    __m512i after_pad[8], w[16];
    expansion e;
    prepare_expansion(&e, dst, dst_bytes);
    for (int i = 0; i < 8; i++)
        after_pad[i] = SET8(SHA512_IV[i]);
    for (int i = 0; i < 16; i++)
        w[i] = _mm512_setzero_si512();
    sha512x8_block(after_pad, w);
    for (size_t start = 0; start < groups; start += BATCH) {
        const size_t count = groups - start < BATCH ? groups - start : BATCH;
        fe8 product = fe8_small(1);
        for (size_t i = 0; i < count; i++) {
            const uint8_t *first = identities + POINT * LANES * (start + i);
            const fe8w q = fe8_square(hash_to_field(&e, after_pad, first, lanes_at(n, start + i)));
            d[i] = fe8_add(fe8_widen(fe8_add(q, q)), fe8_widen(fe8_small(1)));
            before[i] = product;
            product = mul(product, d[i]);
        }
        for (size_t i = 0; i < count; i += QUAD)
            find_other_roots(other + i, d + i, count - i < QUAD ? count - i : QUAD);
        fe8 inverse = invert_8(product);
        for (size_t i = count; i-- > 0;) {
            const fe8w over = fe8_times(mul(inverse, before[i]), 486662);
            const fe8 x = fe8_select(fe8_sub(none, over), fe8_sub(over, j), other[i]);
            store_lanes(out + POINT * LANES * (start + i), x, lanes_at(n, start + i));
            inverse = mul(inverse, d[i]);
        }
    }
}

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
