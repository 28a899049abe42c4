/* HMAC-SHA256 of many items under one key and behind one prefix (RFC 2104). */

#include <stdlib.h>

#include "sha256.h"

enum { GROUP = 64, MAX_TAIL = 2 * BLOCK }; /* items hashed in one go */

/* What all items share: states behind key and prefix, and the prefix's bytes that fill no block. */
typedef struct {
    uint32_t inner[8], outer[8];
    uint8_t tail[BLOCK];
    size_t tail_bytes;
    uint64_t hashed; /* bytes behind `inner` */
} start;

static void go_on(hash_many *hash, uint32_t state[8], const uint8_t *bytes, size_t blocks)
{
    uint8_t after[DIGEST];
    hash(after, state, bytes, blocks, 1);
    for (int t = 0; t < 8; t++)
        state[t] = read_word(after + 4 * t);
}

/* A key longer than a block is replaced by its digest. Returns -1 without memory. */
static int key_block(hash_many *hash, uint8_t block[BLOCK], const uint8_t *key, size_t bytes)
{
    memset(block, 0, BLOCK);
    if (bytes <= BLOCK) {
        if (bytes)
            memcpy(block, key, bytes);
        return 0;
    }
    const size_t blocks = padded_blocks(bytes);
    uint8_t *message = malloc(BLOCK * blocks);
    if (message == NULL)
        return -1;
    memcpy(message, key, bytes);
    pad(message, bytes, blocks, 0);
    hash(block, SHA256_START, message, blocks, 1);
    free(message);
    return 0;
}

static void keyed_state(hash_many *hash, uint32_t state[8], const uint8_t block[BLOCK], uint8_t with)
{
    uint8_t masked[BLOCK];
    for (int i = 0; i < BLOCK; i++)
        masked[i] = block[i] ^ with;
    memcpy(state, SHA256_START, sizeof SHA256_START);
    go_on(hash, state, masked, 1);
}

/* out[i] for up to GROUP items. */
static void hash_group(hash_many *hash, const start *s, uint8_t *out, const uint8_t *items, size_t n)
{
    uint8_t messages[GROUP * MAX_TAIL], inner[GROUP * DIGEST];
    const size_t bytes = s->tail_bytes + DIGEST, blocks = padded_blocks(bytes);
    for (size_t i = 0; i < n; i++) {
        uint8_t *message = messages + BLOCK * blocks * i;
        memcpy(message, s->tail, s->tail_bytes);
        memcpy(message + s->tail_bytes, items + DIGEST * i, DIGEST);
        pad(message, bytes, blocks, s->hashed);
    }
    hash(inner, s->inner, messages, blocks, n);
    for (size_t i = 0; i < n; i++) {
        memcpy(messages + BLOCK * i, inner + DIGEST * i, DIGEST);
        pad(messages + BLOCK * i, DIGEST, 1, BLOCK);
    }
    hash(out, s->outer, messages, 1, n);
}

int hmac_many(hash_many *hash, uint8_t *out, const uint8_t *key, size_t key_bytes,
              const uint8_t *prefix, size_t prefix_bytes, const uint8_t *items, size_t n)
{
    const size_t whole = prefix_bytes / BLOCK;
    uint8_t block[BLOCK];
    start s;
    if (key_block(hash, block, key, key_bytes) < 0)
        return -1;
    keyed_state(hash, s.inner, block, 0x36);
    keyed_state(hash, s.outer, block, 0x5c);
    if (whole)
        go_on(hash, s.inner, prefix, whole);
    s.tail_bytes = prefix_bytes - BLOCK * whole;
    s.hashed = BLOCK * (1 + (uint64_t)whole);
    if (s.tail_bytes)
        memcpy(s.tail, prefix + BLOCK * whole, s.tail_bytes);
    for (size_t i = 0; i < n; i += GROUP)
        hash_group(hash, &s, out + DIGEST * i, items + DIGEST * i, n - i < GROUP ? n - i : GROUP);
    return 0;
}
