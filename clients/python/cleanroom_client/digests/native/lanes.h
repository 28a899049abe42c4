/* SHA-256 of LANES messages of one length side by side, written once for every width: the includer
 * names the vector type `lanes`, its rotation, logic and interleaving, and the function HASH_LANES.
 */

#include "sha256.h"

static inline lanes every_lane(uint32_t x) { return (lanes){0} + x; }

/* One block into the state; w is spoiled (FIPS 180-4, section 6.2.2). */
static inline void lanes_block(lanes state[8], lanes w[16])
{
    lanes a = state[0], b = state[1], c = state[2], d = state[3];
    lanes e = state[4], f = state[5], g = state[6], h = state[7];
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC unroll 16
#endif
    for (int t = 0; t < 64; t++) {
        const lanes s1 = XOR3(ROTATE(e, 6), ROTATE(e, 11), ROTATE(e, 25));
        const lanes t1 = (h + s1) + (CHOOSE(e, f, g) + (every_lane(SHA256_K[t]) + w[t & 15]));
        const lanes s0 = XOR3(ROTATE(a, 2), ROTATE(a, 13), ROTATE(a, 22));
        const lanes t2 = s0 + MAJORITY(a, b, c);
        h = g, g = f, f = e, e = d + t1;
        d = c, c = b, b = a, a = t1 + t2;
        const lanes w1 = w[(t + 1) & 15], w14 = w[(t + 14) & 15];
        const lanes q0 = XOR3(ROTATE(w1, 7), ROTATE(w1, 18), w1 >> 3);
        const lanes q1 = XOR3(ROTATE(w14, 17), ROTATE(w14, 19), w14 >> 10);
        w[t & 15] = (w[t & 15] + q0) + (w[(t + 9) & 15] + q1);
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

static inline lanes swap_bytes(lanes x)
{
    return (ROTATE(x, 8) & 0xff00ff00) | (ROTATE(x, 24) & 0x00ff00ff);
}

/* Each round takes the highest bit of a word's row to the lowest of its column. */
static inline void transpose(lanes rows[LANES])
{
    for (int round = 1; round < LANES; round *= 2) {
        lanes before[LANES];
        memcpy(before, rows, sizeof before);
        for (int i = 0; i < LANES / 2; i++) {
            rows[2 * i] = INTERLEAVE_LOW(before[i], before[i + LANES / 2]);
            rows[2 * i + 1] = INTERLEAVE_HIGH(before[i], before[i + LANES / 2]);
        }
    }
}

/* Word t of every message into w[t]; lanes from `count` on repeat the first message. */
static inline void load_block(lanes w[16], const uint8_t *messages, size_t stride, size_t count)
{
    for (int part = 0; part < 16; part += LANES) {
        for (size_t lane = 0; lane < LANES; lane++)
            memcpy(&w[part + lane], messages + stride * (lane < count ? lane : 0) + 4 * part, sizeof w[0]);
        transpose(w + part);
    }
    for (int t = 0; t < 16; t++)
        w[t] = swap_bytes(w[t]);
}

static inline void store_digests(uint8_t *out, const lanes state[8], size_t count)
{
    lanes rows[LANES] = {0};
    for (int t = 0; t < 8; t++)
        rows[t] = swap_bytes(state[t]);
    transpose(rows);
    for (size_t lane = 0; lane < count; lane++)
        memcpy(out + DIGEST * lane, &rows[lane], DIGEST);
}

void HASH_LANES(uint8_t *out, const uint32_t from[8], const uint8_t *messages, size_t blocks, size_t n)
{
    const size_t stride = BLOCK * blocks;
    for (size_t i = 0; i < n; i += LANES) {
        const size_t count = n - i < LANES ? n - i : LANES;
        lanes state[8], w[16];
        for (int t = 0; t < 8; t++)
            state[t] = every_lane(from[t]);
        for (size_t b = 0; b < blocks; b++) {
            load_block(w, messages + stride * i + BLOCK * b, stride, count);
            lanes_block(state, w);
        }
        store_digests(out + DIGEST * i, state, count);
    }
}
