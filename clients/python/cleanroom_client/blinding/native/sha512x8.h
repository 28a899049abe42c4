/* SHA-512 of eight messages at once (FIPS 180-4, section 6.4); knows no curve. */
#ifndef CLEANROOM_SHA512X8_H
#define CLEANROOM_SHA512X8_H

#include <immintrin.h>

#include "sha512.h"

#define ROR8(x, n) _mm512_ror_epi64(x, n)
#define XOR3(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0x96)
#define CHOOSE(e, f, g) _mm512_ternarylogic_epi64(e, f, g, 0xCA)
#define MAJORITY(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0xE8)

typedef struct { __m512i a, b, c, d, e, f, g, h; } sha512x8;

/* One round; kw = the round's constant and its word of the schedule. The sums are grouped so that
 * the next round's e waits for two additions after its bits were mixed.
 */
static inline sha512x8 sha512x8_round(sha512x8 s, __m512i kw)
{
    const __m512i s1 = XOR3(ROR8(s.e, 14), ROR8(s.e, 18), ROR8(s.e, 41));
    const __m512i s0 = XOR3(ROR8(s.a, 28), ROR8(s.a, 34), ROR8(s.a, 39));
    const __m512i hk = _mm512_add_epi64(_mm512_add_epi64(s.h, kw), CHOOSE(s.e, s.f, s.g));
    const __m512i e = _mm512_add_epi64(_mm512_add_epi64(s.d, hk), s1);
    const __m512i rest = _mm512_add_epi64(s0, MAJORITY(s.a, s.b, s.c));
    const __m512i a = _mm512_add_epi64(_mm512_add_epi64(hk, s1), rest);
    return (sha512x8){a, s.a, s.b, s.c, e, s.e, s.f, s.g};
}

static inline sha512x8 sha512x8_load(const __m512i state[8])
{
    return (sha512x8){state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]};
}

static inline void sha512x8_add(__m512i state[8], sha512x8 s)
{
    const __m512i t[8] = {s.a, s.b, s.c, s.d, s.e, s.f, s.g, s.h};
    for (int i = 0; i < 8; i++)
        state[i] = _mm512_add_epi64(state[i], t[i]);
}

/* One block into the state; w is spoiled. */
static __attribute__((noinline)) void sha512x8_block(__m512i state[8], __m512i w[16])
{
    sha512x8 s = sha512x8_load(state);
#pragma GCC unroll 16
    for (int t = 0; t < 80; t++) {
        const __m512i k = _mm512_set1_epi64((long long)SHA512_K[t]);
        s = sha512x8_round(s, _mm512_add_epi64(w[t & 15], k));
        const __m512i w1 = w[(t + 1) & 15], w14 = w[(t + 14) & 15];
        const __m512i q0 = XOR3(ROR8(w1, 1), ROR8(w1, 8), _mm512_srli_epi64(w1, 7));
        const __m512i q1 = XOR3(ROR8(w14, 19), ROR8(w14, 61), _mm512_srli_epi64(w14, 6));
        w[t & 15] = _mm512_add_epi64(_mm512_add_epi64(w[t & 15], q0), _mm512_add_epi64(w[(t + 9) & 15], q1));
    }
    sha512x8_add(state, s);
}

/* One block that is the same in all lanes, its schedule prepared by sha512_schedule. */
static __attribute__((noinline)) void sha512x8_scheduled(__m512i state[8], const uint64_t kw[80])
{
    sha512x8 s = sha512x8_load(state);
#pragma GCC unroll 16
    for (int t = 0; t < 80; t++)
        s = sha512x8_round(s, _mm512_set1_epi64((long long)kw[t]));
    sha512x8_add(state, s);
}

#endif
