/* What every path offers: whole arrays of points under one secret, whole arrays of identities. */
#ifndef CLEANROOM_KERNEL_H
#define CLEANROOM_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define CLEANROOM_IFMA
#define CLEANROOM_AVX2
#ifdef __LP64__
#define CLEANROOM_ADX
#endif
#endif

enum { POINT = 32 };

/* out[i] = scalar * points[i]; x-coordinates of 32 bytes, little-endian (RFC 7748, section 5).
 * Requires n > 0 and no point of low order: one zero would spoil the inversion of its whole group.
 * `out` may be `points`.
 */
typedef void multiply_many(uint8_t *out, const uint8_t *points, const uint8_t scalar[32], size_t n);

/* Message i is data[offsets[i]] up to data[offsets[i + 1]]; without offsets, 32 bytes at 32 i. */
typedef struct {
    const uint8_t *data;
    const int64_t *offsets; /* n + 1 that never fall, none outside the data; or NULL */
    size_t n;
} messages;

/* out[i] = x(Q) of message i, 32 bytes, before the cofactor is cleared:
 * curve25519_XMD:SHA-512_ELL2_NU_ of RFC 9380 under a tag of 1 to 255 bytes. Requires n > 0.
 */
typedef void hash_many(uint8_t *out, const messages *m, const uint8_t *dst, size_t dst_bytes);

multiply_many portable_multiply, plain_multiply;
hash_many portable_hash;

#ifdef CLEANROOM_AVX2
multiply_many avx2_multiply;
#endif

#ifdef CLEANROOM_IFMA
multiply_many ifma_multiply;
hash_many ifma_hash;
#endif

#endif
