/* HMAC-SHA256 of many items or texts under one key and behind one prefix (RFC 2104). */

#include <stdlib.h>

#include "column.h"
#include "sha256.h"
#include "stage.h"

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

/* A key longer than a block is replaced by its digest. Returns 0 or NO_MEMORY. */
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
        return NO_MEMORY;
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

/* Returns 0 or NO_MEMORY. */
static int get_ready(hash_many *hash, start *s, const keyed *k)
{
    const size_t whole = k->prefix_bytes / BLOCK;
    uint8_t block[BLOCK];
    if (key_block(hash, block, k->key, k->key_bytes) < 0)
        return NO_MEMORY;
    keyed_state(hash, s->inner, block, 0x36);
    keyed_state(hash, s->outer, block, 0x5c);
    if (whole)
        go_on(hash, s->inner, k->prefix, whole);
    s->tail_bytes = k->prefix_bytes - BLOCK * whole;
    s->hashed = BLOCK * (1 + (uint64_t)whole);
    if (s->tail_bytes)
        memcpy(s->tail, k->prefix + BLOCK * whole, s->tail_bytes);
    return 0;
}

/* The outer hash of up to GROUP inner ones; `out` may be `inner`. */
static void finish_group(hash_many *hash, const start *s, uint8_t *out, const uint8_t *inner, size_t n)
{
    uint8_t messages[GROUP * BLOCK];
    for (size_t i = 0; i < n; i++) {
        memcpy(messages + BLOCK * i, inner + DIGEST * i, DIGEST);
        pad(messages + BLOCK * i, DIGEST, 1, BLOCK);
    }
    hash(out, s->outer, messages, 1, n);
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
    finish_group(hash, s, out, inner, n);
}

static size_t up_to_group(size_t n) { return n < GROUP ? n : GROUP; }

int hmac_items(hash_many *hash, const keyed *k, const uint8_t *items, size_t n, uint8_t *out)
{
    start s;
    if (get_ready(hash, &s, k) < 0)
        return NO_MEMORY;
    for (size_t i = 0; i < n; i += GROUP)
        hash_group(hash, &s, out + DIGEST * i, items + DIGEST * i, up_to_group(n - i));
    return 0;
}

/* The inner hashes into `out`. */
static int hash_inner(stage *messages, const text_column *c, uint8_t *there)
{
    for (size_t i = 0; i < c->n; i++) {
        const uint8_t *text;
        size_t bytes;
        const int found = text_at(c, i, &text, &bytes);
        if (found < 0)
            return MISFIT;
        there[i] = (uint8_t)found;
        if (found && stage_add(messages, text, bytes, i) < 0)
            return NO_MEMORY;
    }
    stage_flush(messages);
    return 0;
}

/* The outer hashes in place of the inner ones; places without a text stay. */
static void finish_there(hash_many *hash, const start *s, uint8_t *out, const uint8_t *there, size_t n)
{
    uint8_t inner[GROUP * DIGEST];
    size_t where[GROUP], waiting = 0;
    for (size_t i = 0; i < n; i++) {
        if (there[i]) {
            memcpy(inner + DIGEST * waiting, out + DIGEST * i, DIGEST);
            where[waiting++] = i;
        }
        if (waiting < GROUP && i + 1 < n)
            continue;
        if (waiting)
            finish_group(hash, s, inner, inner, waiting);
        for (; waiting; waiting--)
            memcpy(out + DIGEST * where[waiting - 1], inner + DIGEST * (waiting - 1), DIGEST);
    }
}

int hmac_texts(hash_many *hash, const keyed *k, const text_column *column, uint8_t *out, uint8_t *there)
{
    start s;
    stage messages;
    if (get_ready(hash, &s, k) < 0 || stage_open(&messages, hash, out) < 0)
        return NO_MEMORY;
    memcpy(messages.from, s.inner, sizeof messages.from);
    messages.hashed = s.hashed, messages.head = s.tail, messages.head_bytes = s.tail_bytes;
    const int result = hash_inner(&messages, column, there);
    stage_close(&messages);
    if (result == 0)
        finish_there(hash, &s, out, there, column->n);
    return result;
}
