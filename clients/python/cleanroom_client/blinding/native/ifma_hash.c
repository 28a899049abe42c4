/* Hashing to the curve with AVX-512 IFMA: eight messages in the lanes of a register.
 *
 * Compiled for that instruction set alone and called only where the processor has it.
 */

#include "kernel.h"

#ifdef CLEANROOM_IFMA

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512cd,avx512dq,avx512ifma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512cd,avx512dq,avx512ifma")
#endif

#include "expansion.h"
#include "field8.h"
#include "lanes8.h"
#include "legendre8.h"
#include "sha512x8.h"

#include <string.h>

enum { BATCH = 64 }; /* groups of eight that share one inversion */

static inline fe8 mul(fe8 a, fe8 b) { return fe8_carry(fe8_mul(a, b)); }
static inline fe8 square(fe8 a) { return fe8_carry(fe8_square(a)); }

#define FE fe8
#define MUL mul
#define SQUARE square
#define NAME(x) x##_8
#include "powers.h"

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

static void broadcast(__m512i *to, const uint64_t *words, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = SET8(words[i]);
}

static void hash_rest(__m512i state[8], const blocks *b)
{
    for (int i = 1; i < b->blocks; i++)
        sha512x8_scheduled(state, b->rest[i - 1]);
}

/* b_0 of up to eight packed identities; lanes beyond hash zeros. */
static void hash_identities(__m512i state[8], const blocks *b, const uint8_t *identities, size_t lanes)
{
    uint8_t padded[POINT * LANES];
    __m512i w[16];
    if (lanes < LANES) {
        memset(padded, 0, sizeof padded);
        memcpy(padded, identities, POINT * lanes);
        identities = padded;
    }
    load_words(w, identities, POINT);
    broadcast(w + 4, b->first + 4, 12);
    sha512x8_block(state, w);
    hash_rest(state, b);
}

/* b_0 of up to eight messages of any lengths: a lane whose message has ended keeps its state. */
static void hash_messages(__m512i state[8], const suffix *s, const messages *m, size_t first, size_t lanes)
{
    uint8_t block[LANES][SHA512_BYTES] = {{0}};
    __m512i w[16], next[8];
    for (size_t index = 0;; index++) {
        __mmask8 running = 0;
        for (size_t lane = 0; lane < lanes; lane++) {
            const size_t from = (size_t)m->offsets[first + lane];
            const size_t n = (size_t)m->offsets[first + lane + 1] - from;
            if (index >= count_blocks(s, n))
                continue;
            running |= (__mmask8)(1 << lane);
            write_block(block[lane], s, m->data + from, n, index);
        }
        if (!running)
            return;
        for (int i = 0; i < 4; i++)
            load_words(w + 4 * i, block[0] + 32 * i, SHA512_BYTES);
        memcpy(next, state, sizeof next);
        sha512x8_block(next, w);
        for (int i = 0; i < 8; i++)
            state[i] = _mm512_mask_mov_epi64(state[i], running, next[i]);
    }
}

static fe8 hash_to_field(const expansion *e, const messages *m, size_t first, size_t lanes)
{
    __m512i state[8], w[16];
    broadcast(state, e->after_zeros, 8);
    if (m->offsets)
        hash_messages(state, &e->after_message, m, first, lanes);
    else
        hash_identities(state, &e->identity, m->data + POINT * first, lanes);
    memcpy(w, state, sizeof state);
    broadcast(w + 8, e->digest.first + 8, 8);
    broadcast(state, SHA512_IV, 8);
    sha512x8_block(state, w);
    hash_rest(state, &e->digest);
    return reduce_words(state);
}

/* -J d (d^2 - J^2 d + J^2): see map_to_curve_elligator2_x of the Python path. */
static fe8 numerator(fe8 d)
{
    const uint64_t j = 486662;
    const fe8w j2 = fe8_widen(fe8_small(j * j)), none = fe8_widen(fe8_small(0));
    const fe8 s = fe8_add(fe8_mul(fe8_sub(fe8_bias(fe8_widen(d)), j2), d), j2);
    return fe8_sub(fe8_bias(none), fe8_add_times(none, mul(s, d), j));
}

/* Which lanes of four groups hold no square; groups beyond `count` repeat the first. */
static void find_other_roots(__mmask8 other[QUAD], const fe8 *d, size_t count)
{
    fe8 t[QUAD];
    for (size_t i = 0; i < QUAD; i++)
        t[i] = numerator(d[i < count ? i : 0]);
    __mmask8 found[QUAD];
    find_nonsquares(found, t);
    memcpy(other, found, count);
}

static void store_points(uint8_t *out, fe8 x, size_t lanes)
{
    uint8_t all[POINT * LANES];
    fe8_store(lanes < LANES ? all : out, x);
    if (lanes < LANES)
        memcpy(out, all, POINT * lanes);
}

void ifma_hash(uint8_t *out, const messages *m, const uint8_t *dst, size_t dst_bytes)
{
    const size_t groups = (m->n + LANES - 1) / LANES, last = m->n - LANES * (groups - 1);
    const fe8w none = fe8_widen(fe8_small(0)), j = fe8_widen(fe8_small(486662));
    fe8 d[BATCH], before[BATCH];
    __mmask8 other[BATCH];
    expansion e;
    prepare_expansion(&e, dst, dst_bytes);
    for (size_t start = 0; start < groups; start += BATCH) {
        const size_t count = groups - start < BATCH ? groups - start : BATCH;
        fe8 product = fe8_small(1);
        for (size_t i = 0; i < count; i++) {
            const size_t group = start + i, lanes = group + 1 < groups ? LANES : last;
            const fe8w q = fe8_square(hash_to_field(&e, m, LANES * group, lanes));
            d[i] = fe8_add(fe8_widen(fe8_add(q, q)), fe8_widen(fe8_small(1)));
            before[i] = product;
            product = mul(product, d[i]);
        }
        for (size_t i = 0; i < count; i += QUAD)
            find_other_roots(other + i, d + i, count - i < QUAD ? count - i : QUAD);
        fe8 inverse = invert_8(product);
        for (size_t i = count; i-- > 0;) {
            const size_t group = start + i, lanes = group + 1 < groups ? LANES : last;
            const fe8w over = fe8_add_times(none, mul(inverse, before[i]), 486662);
            const fe8 x = fe8_select(fe8_sub(fe8_bias(none), over), fe8_sub(fe8_bias(over), j), other[i]);
            store_points(out + POINT * LANES * group, x, lanes);
            inverse = mul(inverse, d[i]);
        }
    }
}

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
