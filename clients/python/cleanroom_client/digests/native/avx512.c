/* Sixteen messages in the lanes of AVX-512 registers.
 *
 * Compiled for that instruction set alone and called only where the processor has it.
 */

#include "digests.h"

#ifdef CLEANROOM_X86

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
#else
#pragma GCC target("avx512f")
#endif

#include <immintrin.h>

enum { LANES = 16 };
typedef uint32_t lanes __attribute__((vector_size(4 * LANES)));

#define LOGIC(a, b, c, table) ((lanes)_mm512_ternarylogic_epi32((__m512i)(a), (__m512i)(b), (__m512i)(c), table))
#define ROTATE(x, n) ((lanes)_mm512_ror_epi32((__m512i)(x), n))
#define XOR3(a, b, c) LOGIC(a, b, c, 0x96)
#define CHOOSE(e, f, g) LOGIC(e, f, g, 0xCA)
#define MAJORITY(a, b, c) LOGIC(a, b, c, 0xE8)

/* a0 b0 a1 b1 ... of the first halves, and of the second. */
static inline lanes interleave(lanes a, lanes b, int from)
{
    const __m512i places = _mm512_add_epi32(
        _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0), _mm512_set1_epi32(from));
    return (lanes)_mm512_permutex2var_epi32((__m512i)a, places, (__m512i)b);
}

#define INTERLEAVE_LOW(a, b) interleave(a, b, 0)
#define INTERLEAVE_HIGH(a, b) interleave(a, b, LANES / 2)
#define HASH_LANES avx512_sha256
#include "lanes.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
