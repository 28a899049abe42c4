/* The parts of expand_message_xmd that are the same for every message; knows no curve. */

#include <string.h>

#include "kernel.h"

/* Fill blocks with `hole` zero bytes, the tail, and the padding for `total` hashed bytes. */
static int fill(uint64_t blocks[3][16], size_t hole, const uint8_t *tail, size_t n, size_t total)
{
    uint8_t bytes[3 * 128] = {0};
    const size_t count = (hole + n + 17 + 127) / 128;
    memcpy(bytes + hole, tail, n);
    bytes[hole + n] = 0x80;
    for (size_t i = 0; i < 8; i++)
        bytes[128 * count - 1 - i] = (uint8_t)(8 * (uint64_t)total >> (8 * i));
    for (size_t i = 0; i < 16 * count; i++) {
        uint64_t word = 0;
        for (size_t j = 0; j < 8; j++)
            word = word << 8 | bytes[8 * i + j];
        blocks[i / 16][i % 16] = word;
    }
    return (int)count;
}

void prepare_expansion(expansion *e, const uint8_t *dst, size_t dst_bytes)
{
    uint8_t tail[3 + 255 + 1];
    /* b_0 = H(Z_pad || msg || 48 in two bytes || 0 || DST_prime) */
    tail[0] = 0, tail[1] = 48, tail[2] = 0;
    memcpy(tail + 3, dst, dst_bytes);
    tail[3 + dst_bytes] = (uint8_t)dst_bytes;
    e->first_blocks = fill(e->first, 32, tail, dst_bytes + 4, 128 + 32 + dst_bytes + 4);
    /* b_1 = H(b_0 || 1 || DST_prime) */
    tail[2] = 1;
    e->second_blocks = fill(e->second, 64, tail + 2, dst_bytes + 2, 64 + dst_bytes + 2);
}
