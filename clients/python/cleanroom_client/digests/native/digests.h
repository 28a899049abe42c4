/* What the parts of this extension offer each other: SHA-256 of many messages, HMACs, columns. */
#ifndef CLEANROOM_DIGESTS_H
#define CLEANROOM_DIGESTS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define CLEANROOM_X86
#endif

enum { BLOCK = 64, DIGEST = 32 };

/* out[i] = the state after message i, big-endian: a digest where messages are padded.
 * Each message has `blocks` blocks; all start from the state `from`. `out` may not overlap.
 */
typedef void hash_many(uint8_t *out, const uint32_t from[8], const uint8_t *messages, size_t blocks, size_t n);

hash_many portable_sha256;
#ifdef CLEANROOM_X86
hash_many avx512_sha256, avx2_sha256, shani_sha256;
#endif

extern const uint32_t SHA256_START[8];

/* How many blocks a message of so many bytes fills once it is padded (FIPS 180-4, section 5.1.1). */
static inline size_t padded_blocks(size_t bytes) { return (bytes + 9 + BLOCK - 1) / BLOCK; }

/* Pads the last of `blocks` blocks at `message`, of which `bytes` are there; `before` were hashed. */
void pad(uint8_t *message, size_t bytes, size_t blocks, uint64_t before);

/* Why an array was not done. */
enum { NO_MEMORY = -1, MISFIT = -2 /* offsets do not fit the data */ };

/* A key and what stands before each message. */
typedef struct {
    const uint8_t *key, *prefix;
    size_t key_bytes, prefix_bytes;
} keyed;

/* Values `first` to `first + n` of an Arrow array of UTF-8 text, as in its buffers. */
typedef struct {
    const uint8_t *validity; /* one bit a value, the lowest first; NULL: all are there */
    const uint8_t *offsets;  /* n + 1 and more of 4 or 8 bytes */
    const uint8_t *data;
    uint64_t data_bytes;
    size_t first, n;
    int wide; /* offsets of 8 bytes */
} text_column;

/* out[i] = HMAC-SHA256(key, prefix || item i), for items of 32 bytes (RFC 2104).
 * Returns 0 or NO_MEMORY.
 */
int hmac_items(hash_many *hash, const keyed *k, const uint8_t *items, size_t n, uint8_t *out);

/* The same of texts; where one is null or empty, there[i] is 0 and out[i] stays, else it is 1.
 * Returns 0, NO_MEMORY or MISFIT.
 */
int hmac_texts(hash_many *hash, const keyed *k, const text_column *column, uint8_t *out, uint8_t *there);

/* How a column's values become identities. */
typedef enum { EMAIL, PHONE, DEVICE_ID, ISSUED_ID, READY_HASH, KINDS } value_kind;

/* What became of a value: reasons by their place in `Reason` of normalise.py, from one. */
enum {
    DONE = 0,
    EMPTY = 1,
    TOO_LONG = 2,
    NOT_AN_EMAIL = 4,
    NOT_A_PHONE = 5,
    NOT_A_DEVICE_ID = 7,
    ZERO_DEVICE_ID = 8,
    NOT_A_HASH = 9,
    HASH_OF_NOTHING = 10,
    UNDECIDED = 255, /* for the reference in Python: not ASCII, or a phone to be parsed */
};

/* status[i] and, where it is DONE, the identity out[i] of value i; other places of `out` stay.
 * Returns 0, NO_MEMORY or MISFIT.
 */
int identify_column(hash_many *hash, value_kind kind, const text_column *column, uint8_t *out, uint8_t *status);

#endif
