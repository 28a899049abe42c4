/* Eight messages in the lanes of AVX2 registers.
 *
 * Compiled for that instruction set alone and called only where the processor has it.
 */

#include "digests.h"

#ifdef CLEANROOM_X86

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif

#include <immintrin.h>

enum { LANES = 8 };
typedef uint32_t lanes __attribute__((vector_size(4 * LANES)));

#define ROTATE(x, n) ((x) >> (n) | (x) << (32 - (n)))
#define XOR3(a, b, c) ((a) ^ (b) ^ (c))
#define CHOOSE(e, f, g) ((g) ^ ((e) & ((f) ^ (g))))
#define MAJORITY(a, b, c) (((a) & (b)) | ((c) & ((a) | (b))))

/* a0 b0 a1 b1 ... of the first halves, and of the second; the processor interleaves by quarters. */
static inline lanes interleave(lanes a, lanes b, int second)
{
    const __m256i low = _mm256_unpacklo_epi32((__m256i)a, (__m256i)b);
    const __m256i high = _mm256_unpackhi_epi32((__m256i)a, (__m256i)b);
    return (lanes)(second ? _mm256_permute2x128_si256(low, high, 0x31) : _mm256_permute2x128_si256(low, high, 0x20));
}

#define INTERLEAVE_LOW(a, b) interleave(a, b, 0)
#define INTERLEAVE_HIGH(a, b) interleave(a, b, 1)
#define HASH_LANES avx2_sha256
#include "lanes.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
