/* Runs every path of the kernel on random input in heap buffers of exact size, for the sanitizers.
 *
 * Arguments: a seed and a number of rounds. Prints "clean" where all paths agree; a byte read or
 * written outside a buffer is the sanitizers' to find. Built without Python.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

/* Paths that a build or a processor may lack. */
extern multiply_many ifma_multiply __attribute__((weak)), avx2_multiply __attribute__((weak));
extern multiply_many plain_multiply __attribute__((weak));
extern hash_many ifma_hash __attribute__((weak)), avx2_hash __attribute__((weak));

static uint64_t state;
static int differences;

static uint64_t next(void) /* xorshift64* */
{
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return state * UINT64_C(2685821657736338717);
}

static size_t below(size_t n) { return (size_t)(next() % n); }

/* 1 to n; one time in two, a multiple of eight: whole registers behave differently from parts. */
static size_t count(size_t n)
{
    const size_t some = 1 + below(n);
    return below(2) ? some : (some + 7) / 8 * 8;
}

/* `bytes` random bytes of which the last is the last of its heap block; free *block. */
static uint8_t *exact(size_t bytes, uint8_t **block)
{
    const size_t shift = below(2) ? below(65) : 0;
    *block = malloc(shift + bytes);
    for (size_t i = 0; i < shift + bytes; i++)
        (*block)[i] = (uint8_t)next();
    return *block + shift;
}

static void same(const char *what, const uint8_t *a, const uint8_t *b, size_t n)
{
    if (memcmp(a, b, POINT * n) == 0)
        return;
    fprintf(stderr, "%s of %zu differ between two paths\n", what, n);
    differences = 1; /* go on: what is read outside a buffer may come to light later */
}

static void check_multiply(multiply_many *other, size_t n)
{
    uint8_t *blocks[4], *points = exact(POINT * n, blocks), *scalar = exact(POINT, blocks + 1);
    uint8_t *one = exact(POINT * n, blocks + 2), *two = exact(POINT * n, blocks + 3);
    for (size_t i = 0; i < n; i++) /* canonical */
        points[POINT * i + 31] &= 63;
    portable_multiply(one, points, scalar, n);
    if (other) {
        other(two, points, scalar, n);
        same("products", one, two, n);
    }
    portable_multiply(points, points, scalar, n);
    same("products in place", one, points, n);
    for (int i = 0; i < 4; i++)
        free(blocks[i]);
}

static void check_hash(hash_many *other, const messages *m)
{
    const size_t dst_bytes = 1 + below(255);
    uint8_t *blocks[3], *dst = exact(dst_bytes, blocks);
    uint8_t *one = exact(POINT * m->n, blocks + 1), *two = exact(POINT * m->n, blocks + 2);
    portable_hash(one, m, dst, dst_bytes);
    if (other) {
        other(two, m, dst, dst_bytes);
        same("hashes", one, two, m->n);
    }
    for (int i = 0; i < 3; i++)
        free(blocks[i]);
}

static void check_identities(hash_many *other, size_t n)
{
    uint8_t *block;
    const messages m = {exact(POINT * n, &block), NULL, n};
    check_hash(other, &m);
    free(block);
}

static void check_messages(hash_many *other, size_t n)
{
    const size_t longest = 1 + below(below(4) ? 200 : 1200);
    int64_t *offsets = malloc((n + 1) * sizeof *offsets);
    uint8_t *block;
    offsets[0] = (int64_t)below(3);
    for (size_t i = 0; i < n; i++)
        offsets[i + 1] = offsets[i] + (int64_t)below(longest);
    const messages m = {exact((size_t)offsets[n], &block), offsets, n};
    check_hash(other, &m);
    free(block);
    free(offsets);
}

static void check(multiply_many *multiply, hash_many *hash)
{
    check_multiply(multiply, count(below(16) ? 20 : 130));
    check_identities(hash, count(below(16) ? 40 : 1100));
    check_messages(hash, count(below(16) ? 40 : 600));
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    state = strtoull(argv[1], NULL, 10) | 1;
    for (unsigned long round = 0; round < strtoul(argv[2], NULL, 10); round++) {
        check(plain_multiply, NULL);
#ifdef __x86_64__
        if (ifma_hash && __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512cd"))
            check(ifma_multiply, ifma_hash);
        if (avx2_multiply && __builtin_cpu_supports("avx2"))
            check(avx2_multiply, avx2_hash);
#endif
    }
    if (!differences)
        puts("clean");
    return differences;
}
