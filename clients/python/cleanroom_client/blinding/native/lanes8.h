/* Eight 32-byte strings in memory and in the lanes of registers, one string a lane; knows no curve. */
#ifndef CLEANROOM_LANES8_H
#define CLEANROOM_LANES8_H

#include "field8.h"

enum { LANES = 8 };

/* The two halves of a 4 x 4 transposition: words 0 and 1 (2 and 3) of four strings of four words.
 * It is its own inverse up to the order in which the vectors are given.
 */
#define LOW_WORDS _mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13)
#define HIGH_WORDS _mm512_setr_epi64(2, 6, 10, 14, 3, 7, 11, 15)

/* w[i] = the big-endian words i of eight strings, each `stride` bytes after the one before. */
static inline void load_words(__m512i w[4], const uint8_t *strings, size_t stride)
{
    const __m512i reverse = _mm512_set4_epi32(0x08090a0b, 0x0c0d0e0f, 0x00010203, 0x04050607);
    __m512i z[4];
    for (int i = 0; i < 4; i++) {
        const uint8_t *first = strings + 2 * (size_t)i * stride;
        const __m256i even = _mm256_loadu_si256((const void *)first);
        const __m256i odd = _mm256_loadu_si256((const void *)(first + stride));
        z[i] = _mm512_inserti64x4(_mm512_castsi256_si512(even), odd, 1);
        z[i] = _mm512_shuffle_epi8(z[i], reverse);
    }
    const __m512i a = _mm512_permutex2var_epi64(z[0], LOW_WORDS, z[1]);
    const __m512i b = _mm512_permutex2var_epi64(z[0], HIGH_WORDS, z[1]);
    const __m512i c = _mm512_permutex2var_epi64(z[2], LOW_WORDS, z[3]);
    const __m512i d = _mm512_permutex2var_epi64(z[2], HIGH_WORDS, z[3]);
    w[0] = _mm512_shuffle_i64x2(a, c, 0x44), w[1] = _mm512_shuffle_i64x2(a, c, 0xEE);
    w[2] = _mm512_shuffle_i64x2(b, d, 0x44), w[3] = _mm512_shuffle_i64x2(b, d, 0xEE);
}

/* Writes eight strings, one after the other, of which w[i] holds the little-endian words i. */
static inline void store_words(uint8_t out[32 * LANES], const __m512i w[4])
{
    const __m512i a = _mm512_shuffle_i64x2(w[0], w[1], 0x44), c = _mm512_shuffle_i64x2(w[0], w[1], 0xEE);
    const __m512i b = _mm512_shuffle_i64x2(w[2], w[3], 0x44), d = _mm512_shuffle_i64x2(w[2], w[3], 0xEE);
    _mm512_storeu_si512(out, _mm512_permutex2var_epi64(a, LOW_WORDS, b));
    _mm512_storeu_si512(out + 64, _mm512_permutex2var_epi64(a, HIGH_WORDS, b));
    _mm512_storeu_si512(out + 128, _mm512_permutex2var_epi64(c, LOW_WORDS, d));
    _mm512_storeu_si512(out + 192, _mm512_permutex2var_epi64(c, HIGH_WORDS, d));
}

/* Carries each limb into the next; what leaves the last limb is returned. */
static inline __m512i ripple(__m512i v[5])
{
    const __m512i m = MASK8;
    for (int i = 0; i < 4; i++) {
        v[i + 1] = ADD8(v[i + 1], _mm512_srli_epi64(v[i], 51));
        v[i] = _mm512_and_si512(v[i], m);
    }
    const __m512i top = _mm512_srli_epi64(v[4], 51);
    v[4] = _mm512_and_si512(v[4], m);
    return top;
}

/* The one representation below p, limbs below 2^51; as fe_store does. */
static inline fe8 fe8_freeze(fe8 a)
{
    for (int pass = 0; pass < 2; pass++) {
        const __m512i top = ripple(a.v);
        a.v[0] = ADD8(a.v[0], times(top, 19));
    }
    __m512i q = _mm512_srli_epi64(ADD8(a.v[0], SET8(19)), 51); /* 1 exactly where a >= p */
    for (int i = 1; i < 5; i++)
        q = _mm512_srli_epi64(ADD8(a.v[i], q), 51);
    a.v[0] = ADD8(a.v[0], times(q, 19));
    (void)ripple(a.v);
    return a;
}

/* Writes eight canonical field elements of 32 bytes, little-endian. */
static inline void fe8_store(uint8_t out[32 * LANES], fe8 a)
{
    const fe8 f = fe8_freeze(a);
    const __m512i w[4] = {
        _mm512_or_si512(f.v[0], _mm512_slli_epi64(f.v[1], 51)),
        _mm512_or_si512(_mm512_srli_epi64(f.v[1], 13), _mm512_slli_epi64(f.v[2], 38)),
        _mm512_or_si512(_mm512_srli_epi64(f.v[2], 26), _mm512_slli_epi64(f.v[3], 25)),
        _mm512_or_si512(_mm512_srli_epi64(f.v[3], 39), _mm512_slli_epi64(f.v[4], 12)),
    };
    store_words(out, w);
}

#endif
