/* Messages of any lengths, collected until enough of one number of blocks wait to be hashed. */
#ifndef CLEANROOM_STAGE_H
#define CLEANROOM_STAGE_H

#include "digests.h"

enum { BIN = 16, MAX_BLOCKS = 17 }; /* messages hashed in one go; longer ones are hashed alone */

typedef struct {
    uint8_t *messages;
    size_t where[BIN], n;
} bin;

/* All messages go on from one state: `hashed` bytes are behind it, `head` is before each text. */
typedef struct {
    hash_many *hash;
    uint8_t *out; /* 32 bytes for each place */
    uint32_t from[8];
    uint64_t hashed;
    const uint8_t *head;
    size_t head_bytes;
    uint8_t *memory;
    bin bins[MAX_BLOCKS];
} stage;

/* Starts from SHA256_START without a head. Returns -1 without memory. */
int stage_open(stage *s, hash_many *hash, uint8_t *out);

/* Hashes `text` into place i, now or with others like it. Returns -1 without memory. */
int stage_add(stage *s, const uint8_t *text, size_t bytes, size_t i);

/* Hashes what still waits. */
void stage_flush(stage *s);

void stage_close(stage *s);

#endif
