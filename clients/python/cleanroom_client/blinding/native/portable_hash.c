/* Hashing to the curve, one message after the other, in C with 128-bit products. */

#include "expansion.h"
#include "field.h"
#include "kernel.h"
#include "legendre.h"
#include "sha512.h"

#define FE fe
#define MUL fe_mul
#define SQUARE fe_square
#define NAME(x) x##_1
#include "powers.h"

enum { BATCH = 64 }; /* messages that share one inversion (Montgomery's trick) */

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

/* b_0 of a message of any length; `state` is that after the block of zeros. */
static void hash_message(uint64_t state[8], const suffix *s, const uint8_t *message, size_t n)
{
    uint8_t block[SHA512_BYTES];
    uint64_t w[16];
    for (size_t i = 0, count = count_blocks(s, n); i < count; i++) {
        write_block(block, s, message, n, i);
        sha512_words(w, block, 16);
        sha512_block(state, w);
    }
}

/* One message of fixed length, of which the first `words` words are given. */
static void hash_prepared(uint64_t state[8], const blocks *b, const uint64_t *given, size_t words)
{
    uint64_t w[16];
    memcpy(w, b->first, sizeof w);
    memcpy(w, given, words * sizeof w[0]);
    sha512_block(state, w);
    for (int i = 1; i < b->blocks; i++)
        sha512_scheduled(state, b->rest[i - 1]);
}

static fe hash_to_field(const expansion *e, const messages *m, size_t i)
{
    uint64_t state[8], b_0[8], identity[4];
    memcpy(b_0, e->after_zeros, sizeof b_0);
    if (m->offsets) {
        const size_t from = (size_t)m->offsets[i], to = (size_t)m->offsets[i + 1];
        hash_message(b_0, &e->after_message, m->data + from, to - from);
    } else {
        sha512_words(identity, m->data + POINT * i, 4);
        hash_prepared(b_0, &e->identity, identity, 4);
    }
    memcpy(state, SHA512_IV, sizeof state);
    hash_prepared(state, &e->digest, b_0, 8);
    return reduce_words(state);
}

/* -J d (d^2 - J^2 d + J^2): see map_to_curve_elligator2_x of the Python path. */
static fe numerator(fe d)
{
    const uint64_t j = 486662;
    const fe j2 = fe_small(j * j);
    const fe s = fe_add(fe_mul(fe_sub(d, j2), d), j2);
    return fe_sub(fe_small(0), fe_times(fe_mul(s, d), j));
}

void portable_hash(uint8_t *out, const messages *m, const uint8_t *dst, size_t dst_bytes)
{
    expansion e;
    fe d[BATCH], before[BATCH];
    prepare_expansion(&e, dst, dst_bytes);
    for (size_t start = 0; start < m->n; start += BATCH) {
        const size_t count = m->n - start < BATCH ? m->n - start : BATCH;
        fe product = fe_small(1);
        for (size_t i = 0; i < count; i++) {
            const fe q = fe_square(hash_to_field(&e, m, start + i));
            d[i] = fe_add(fe_add(q, q), fe_small(1));
            before[i] = product;
            product = fe_mul(product, d[i]);
        }
        fe inverse = invert_1(product);
        for (size_t i = count; i-- > 0;) {
            const fe over = fe_times(fe_mul(inverse, before[i]), 486662);
            const fe x1 = fe_sub(fe_small(0), over), x2 = fe_sub(over, fe_small(486662));
            fe_store(out + POINT * (start + i), fe_select(x1, x2, (uint64_t)is_nonsquare(numerator(d[i]))));
            inverse = fe_mul(inverse, d[i]);
        }
    }
}
