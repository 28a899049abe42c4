/* The blocks that expand_message_xmd hashes; knows no curve. */

#include "expansion.h"

#include <string.h>

#include "sha512.h"

enum { PADDING = 1 + 16, IDENTITY_BYTES = 32, DIGEST_BYTES = 64 };

/* Copies what of `source`, standing at `from` in the stream, falls into the block at `at`. */
static void copy_part(uint8_t *block, size_t at, const uint8_t *source, size_t from, size_t n)
{
    const size_t low = from > at ? from : at;
    const size_t high = from + n < at + SHA512_BYTES ? from + n : at + SHA512_BYTES;
    if (low < high)
        memcpy(block + (low - at), source + (low - from), high - low);
}

size_t count_blocks(const suffix *s, size_t n)
{
    return (n + s->n + PADDING + SHA512_BYTES - 1) / SHA512_BYTES;
}

void write_block(uint8_t block[SHA512_BYTES], const suffix *s, const uint8_t *message, size_t n, size_t index)
{
    const uint64_t bits = 8 * (uint64_t)(s->before + n + s->n);
    memset(block, 0, SHA512_BYTES);
    copy_part(block, SHA512_BYTES * index, message, 0, n);
    copy_part(block, SHA512_BYTES * index, s->bytes, n, s->n + 1);
    for (int i = 0; i < 8 && index + 1 == count_blocks(s, n); i++)
        block[SHA512_BYTES - 1 - i] = (uint8_t)(bits >> (8 * i));
}

static void prepare_blocks(blocks *b, const suffix *s, size_t n)
{
    const uint8_t zeros[DIGEST_BYTES] = {0};
    uint8_t block[SHA512_BYTES];
    uint64_t w[16];
    b->blocks = (int)count_blocks(s, n);
    for (int i = 0; i < b->blocks; i++) {
        write_block(block, s, zeros, n, (size_t)i);
        sha512_words(i ? w : b->first, block, 16);
        if (i)
            sha512_schedule(b->rest[i - 1], w);
    }
}

void prepare_expansion(expansion *e, const uint8_t *dst, size_t dst_bytes)
{
    suffix *s = &e->after_message, after_digest = {.n = dst_bytes + 2};
    s->n = dst_bytes + 4, s->before = SHA512_BYTES;
    s->bytes[0] = 0, s->bytes[1] = 48, s->bytes[2] = 0; /* the bytes to come, and the counter */
    memcpy(s->bytes + 3, dst, dst_bytes);
    s->bytes[s->n - 1] = (uint8_t)dst_bytes;
    s->bytes[s->n] = 0x80;
    memcpy(after_digest.bytes, s->bytes + 2, dst_bytes + 3);
    after_digest.bytes[0] = 1;
    prepare_blocks(&e->identity, s, IDENTITY_BYTES);
    prepare_blocks(&e->digest, &after_digest, DIGEST_BYTES);
    uint64_t zeros[16] = {0};
    memcpy(e->after_zeros, SHA512_IV, sizeof e->after_zeros);
    sha512_block(e->after_zeros, zeros);
}
