/* Reads field elements of 32 bytes and prints 1 for each that is no square modulo p, else 0: by
 * legendre.h, or with IN_LANES by legendre8.h, which takes them by 32.
 */

#include <stdio.h>

#ifdef IN_LANES
#pragma GCC target("avx512f,avx512bw,avx512cd,avx512dq,avx512ifma")
#include "field.h"
#include "legendre8.h"
enum { TOGETHER = 8 * QUAD };

static void find(char found[TOGETHER], const uint8_t (*values)[32])
{
    uint64_t limbs[QUAD][5][8];
    __mmask8 masks[QUAD];
    fe8 z[QUAD];
    for (int i = 0; i < TOGETHER; i++)
        for (int limb = 0; limb < 5; limb++)
            limbs[i / 8][limb][i % 8] = fe_load(values[i]).v[limb];
    for (int i = 0; i < QUAD; i++)
        for (int limb = 0; limb < 5; limb++)
            z[i].v[limb] = _mm512_loadu_si512(limbs[i][limb]);
    find_nonsquares(masks, z);
    for (int i = 0; i < TOGETHER; i++)
        found[i] = (char)('0' + (masks[i / 8] >> (i % 8) & 1));
}
#else
#include "legendre.h"
enum { TOGETHER = 1 };

static void find(char found[TOGETHER], const uint8_t (*values)[32])
{
    found[0] = (char)('0' + is_nonsquare(fe_load(values[0])));
}
#endif

int main(void)
{
    uint8_t values[TOGETHER][32];
    char found[TOGETHER];
    while (fread(values, sizeof values, 1, stdin) == 1) {
        find(found, (const uint8_t(*)[32])values);
        fwrite(found, sizeof found, 1, stdout);
    }
    return 0;
}
