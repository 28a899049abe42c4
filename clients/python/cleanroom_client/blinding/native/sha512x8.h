/* SHA-512 of eight messages of one length at once (FIPS 180-4, section 6.4); knows no curve. */
#ifndef CLEANROOM_SHA512X8_H
#define CLEANROOM_SHA512X8_H

#include <immintrin.h>

#include "sha512.h"

#define ROR8(x, n) _mm512_ror_epi64(x, n)
#define XOR3(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0x96)
#define CHOOSE(e, f, g) _mm512_ternarylogic_epi64(e, f, g, 0xCA)
#define MAJORITY(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0xE8)

/* One block into the state; w is spoiled. */
static inline void sha512x8_block(__m512i state[8], __m512i w[16])
{
    __m512i a = state[0], b = state[1], c = state[2], d = state[3];
    __m512i e = state[4], f = state[5], g = state[6], h = state[7];
#pragma GCC unroll 16
    for (int t = 0; t < 80; t++) {
        const __m512i s1 = XOR3(ROR8(e, 14), ROR8(e, 18), ROR8(e, 41));
        const __m512i k = _mm512_add_epi64(w[t & 15], _mm512_set1_epi64((long long)SHA512_K[t]));
        const __m512i t1 = _mm512_add_epi64(_mm512_add_epi64(h, s1), _mm512_add_epi64(CHOOSE(e, f, g), k));
        const __m512i s0 = XOR3(ROR8(a, 28), ROR8(a, 34), ROR8(a, 39));
        h = g; g = f; f = e; e = _mm512_add_epi64(d, t1);
        d = c;
        const __m512i t2 = _mm512_add_epi64(s0, MAJORITY(a, b, c));
        c = b; b = a; a = _mm512_add_epi64(t1, t2);
        const __m512i w1 = w[(t + 1) & 15], w14 = w[(t + 14) & 15];
        const __m512i q0 = XOR3(ROR8(w1, 1), ROR8(w1, 8), _mm512_srli_epi64(w1, 7));
        const __m512i q1 = XOR3(ROR8(w14, 19), ROR8(w14, 61), _mm512_srli_epi64(w14, 6));
        w[t & 15] = _mm512_add_epi64(_mm512_add_epi64(w[t & 15], q0), _mm512_add_epi64(w[(t + 9) & 15], q1));
    }
    const __m512i s[8] = {a, b, c, d, e, f, g, h};
    for (int i = 0; i < 8; i++) state[i] = _mm512_add_epi64(state[i], s[i]);
}
#endif
