/* One message after the other with the processor's instructions for SHA-256.
 *
 * Compiled for that instruction set alone and called only where the processor has it.
 */

#include "digests.h"

#ifdef CLEANROOM_X86

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("sha,sse4.1,ssse3"))), apply_to = function)
#else
#pragma GCC target("sha,sse4.1,ssse3")
#endif

#include <immintrin.h>

#include "sha256.h"

static inline __m128i big_endian(__m128i x)
{
    return _mm_shuffle_epi8(x, _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
}

/* The instructions take the state as two registers: a, b, e, f and c, d, g, h, the highest first. */
static inline void one_block(__m128i *abef, __m128i *cdgh, const uint8_t *block)
{
    const __m128i abef_before = *abef, cdgh_before = *cdgh;
    __m128i w[4];
    for (int i = 0; i < 4; i++)
        w[i] = big_endian(_mm_loadu_si128((const __m128i *)(block + 16 * i)));
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC unroll 16
#endif
    for (int t = 0; t < 16; t++) { /* four rounds a turn */
        const __m128i last = w[(t + 3) & 3];
        __m128i x = _mm_add_epi32(w[t & 3], _mm_loadu_si128((const __m128i *)(SHA256_K + 4 * t)));
        *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, x);
        *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(x, 0x0E));
        x = _mm_sha256msg1_epu32(w[t & 3], w[(t + 1) & 3]);
        x = _mm_add_epi32(x, _mm_alignr_epi8(last, w[(t + 2) & 3], 4));
        w[t & 3] = _mm_sha256msg2_epu32(x, last);
    }
    *abef = _mm_add_epi32(*abef, abef_before);
    *cdgh = _mm_add_epi32(*cdgh, cdgh_before);
}

void shani_sha256(uint8_t *out, const uint32_t from[8], const uint8_t *messages, size_t blocks, size_t n)
{
    int s[8];
    memcpy(s, from, sizeof s);
    for (size_t i = 0; i < n; i++) {
        __m128i abef = _mm_set_epi32(s[0], s[1], s[4], s[5]), cdgh = _mm_set_epi32(s[2], s[3], s[6], s[7]);
        for (size_t b = 0; b < blocks; b++)
            one_block(&abef, &cdgh, messages + BLOCK * (blocks * i + b));
        const __m128i badc = _mm_unpackhi_epi64(abef, cdgh), fehg = _mm_unpacklo_epi64(abef, cdgh);
        __m128i *to = (__m128i *)(out + DIGEST * i);
        _mm_storeu_si128(to, big_endian(_mm_shuffle_epi32(badc, 0xB1)));
        _mm_storeu_si128(to + 1, big_endian(_mm_shuffle_epi32(fehg, 0xB1)));
    }
}

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
