/* The two SHA-512 messages of expand_message_xmd for 48 bytes of output (RFC 9380, section 5.3.1):
 * what is the same for every message is prepared once; knows no curve.
 */
#ifndef CLEANROOM_EXPANSION_H
#define CLEANROOM_EXPANSION_H

#include <stddef.h>
#include <stdint.h>

enum { SHA512_BYTES = 128, MAX_DST = 255 };

/* What follows a message in what is hashed, and how many bytes were hashed before the message. */
typedef struct {
    uint8_t bytes[3 + MAX_DST + 1 + 1]; /* with the 0x80 of the padding */
    size_t n, before;
} suffix;

/* All blocks of a message of fixed length: in the first, zeros where the message goes. */
typedef struct {
    uint64_t first[16], rest[2][80]; /* the others as schedules: they hold nothing of the message */
    int blocks;
} blocks;

typedef struct {
    suffix after_message;      /* b_0 = H(128 zeros || message || this) */
    uint64_t after_zeros[8];   /* the state after the block of zeros */
    blocks identity, digest;   /* b_0 for a message of 32 bytes; b_1 = H(b_0 || 1 || DST_prime) */
} expansion;

void prepare_expansion(expansion *e, const uint8_t *dst, size_t dst_bytes);

/* How many blocks a message of n bytes takes with its suffix and padding. */
size_t count_blocks(const suffix *s, size_t n);

/* Writes one of these blocks. */
void write_block(uint8_t block[SHA512_BYTES], const suffix *s, const uint8_t *message, size_t n, size_t index);

#endif
