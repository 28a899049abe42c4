/* One message after the other, in plain C; and what every path shares. */

#include "sha256.h"

const uint32_t SHA256_START[8] = { /* FIPS 180-4, section 5.3.3 */
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static inline uint32_t rotate_right(uint32_t x, int n) { return x >> n | x << (32 - n); }

/* One block into the state (FIPS 180-4, section 6.2.2). */
static inline void one_block(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[16];
    for (int t = 0; t < 16; t++)
        w[t] = read_word(block + 4 * t);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC unroll 16
#endif
    for (int t = 0; t < 64; t++) {
        const uint32_t s1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
        const uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + SHA256_K[t] + w[t & 15];
        const uint32_t s0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
        const uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + t1;
        d = c, c = b, b = a, a = t1 + t2;
        const uint32_t w1 = w[(t + 1) & 15], w14 = w[(t + 14) & 15];
        w[t & 15] += w[(t + 9) & 15] + (rotate_right(w1, 7) ^ rotate_right(w1, 18) ^ w1 >> 3)
                     + (rotate_right(w14, 17) ^ rotate_right(w14, 19) ^ w14 >> 10);
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

void portable_sha256(uint8_t *out, const uint32_t from[8], const uint8_t *messages, size_t blocks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t state[8];
        memcpy(state, from, sizeof state);
        for (size_t b = 0; b < blocks; b++)
            one_block(state, messages + BLOCK * (blocks * i + b));
        for (int t = 0; t < 8; t++)
            write_word(out + DIGEST * i + 4 * t, state[t]);
    }
}

void pad(uint8_t *message, size_t bytes, size_t blocks, uint64_t before)
{
    const uint64_t bits = 8 * (before + bytes);
    message[bytes] = 0x80;
    memset(message + bytes + 1, 0, BLOCK * blocks - bytes - 9);
    write_word(message + BLOCK * blocks - 8, (uint32_t)(bits >> 32));
    write_word(message + BLOCK * blocks - 4, (uint32_t)bits);
}
