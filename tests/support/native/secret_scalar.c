/* Raises a point to a scalar with one ladder of portable.c, the scalar's bytes marked undefined.
 *
 * Under valgrind's memcheck every branch and every address that depends on the scalar is reported.
 * Arguments: the ladder, the scalar and the point in hexadecimal; prints the product.
 */

#include "portable.c" /* for the ladders that are static there */

#include <stdio.h>
#include <stdlib.h>
#include <valgrind/memcheck.h>

static void read_hex(uint8_t out[32], const char *text)
{
    for (int i = 0; i < 32; i++) {
        const char byte[3] = {text[2 * i], text[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(byte, NULL, 16);
    }
}

static int multiply(const char *name, uint8_t out[32], const uint8_t point[32], const uint8_t scalar[32])
{
    if (strcmp(name, "plain") == 0)
        multiply_with(plain_ladder, 1, out, point, scalar, 1);
#ifdef CLEANROOM_ADX
    else if (strcmp(name, "adx") == 0) /* valgrind's processor has it, but does not say so */
        multiply_with(adx_ladder, 1, out, point, scalar, 1);
#endif
#ifdef CLEANROOM_AVX2
    else if (strcmp(name, "avx2") == 0)
        multiply_with(avx2_ladder, 4, out, point, scalar, 1);
#endif
    else
        return 2;
    return 0;
}

int main(int argc, char **argv)
{
    uint8_t scalar[32], point[32], out[32];
    if (argc != 4)
        return 2;
    read_hex(scalar, argv[2]);
    read_hex(point, argv[3]);
    VALGRIND_MAKE_MEM_UNDEFINED(scalar, sizeof scalar);
    const int failed = multiply(argv[1], out, point, scalar);
    VALGRIND_MAKE_MEM_DEFINED(out, sizeof out);
    for (int i = 0; !failed && i < 32; i++)
        printf("%02x", out[i]);
    return failed;
}
