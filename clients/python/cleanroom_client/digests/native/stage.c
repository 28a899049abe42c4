/* Collects messages by their number of blocks, so that lanes of one length are filled. */

#include "stage.h"

#include <stdlib.h>

#include "sha256.h"

int stage_open(stage *s, hash_many *hash, uint8_t *out)
{
    enum { ALL_BLOCKS = MAX_BLOCKS * (MAX_BLOCKS + 1) / 2 };
    memset(s, 0, sizeof *s);
    s->hash = hash, s->out = out;
    memcpy(s->from, SHA256_START, sizeof s->from);
    uint8_t *next = s->memory = malloc((size_t)ALL_BLOCKS * BIN * BLOCK);
    if (next == NULL)
        return -1;
    for (size_t blocks = 1; blocks <= MAX_BLOCKS; blocks++) {
        s->bins[blocks - 1].messages = next;
        next += blocks * BIN * BLOCK;
    }
    return 0;
}

static void flush(stage *s, size_t blocks)
{
    bin *b = &s->bins[blocks - 1];
    uint8_t digests[BIN * DIGEST];
    s->hash(digests, s->from, b->messages, blocks, b->n);
    for (size_t i = 0; i < b->n; i++)
        memcpy(s->out + DIGEST * b->where[i], digests + DIGEST * i, DIGEST);
    b->n = 0;
}

static void write_message(const stage *s, uint8_t *message, const uint8_t *text, size_t bytes, size_t blocks)
{
    if (s->head_bytes)
        memcpy(message, s->head, s->head_bytes);
    memcpy(message + s->head_bytes, text, bytes);
    pad(message, s->head_bytes + bytes, blocks, s->hashed);
}

static int hash_alone(stage *s, const uint8_t *text, size_t bytes, size_t blocks, size_t i)
{
    uint8_t *message = malloc(BLOCK * blocks);
    if (message == NULL)
        return -1;
    write_message(s, message, text, bytes, blocks);
    s->hash(s->out + DIGEST * i, s->from, message, blocks, 1);
    free(message);
    return 0;
}

int stage_add(stage *s, const uint8_t *text, size_t bytes, size_t i)
{
    const size_t blocks = padded_blocks(s->head_bytes + bytes);
    if (blocks > MAX_BLOCKS)
        return hash_alone(s, text, bytes, blocks, i);
    bin *b = &s->bins[blocks - 1];
    write_message(s, b->messages + BLOCK * blocks * b->n, text, bytes, blocks);
    b->where[b->n++] = i;
    if (b->n == BIN)
        flush(s, blocks);
    return 0;
}

void stage_flush(stage *s)
{
    for (size_t blocks = 1; blocks <= MAX_BLOCKS; blocks++)
        if (s->bins[blocks - 1].n)
            flush(s, blocks);
}

void stage_close(stage *s) { free(s->memory); }
