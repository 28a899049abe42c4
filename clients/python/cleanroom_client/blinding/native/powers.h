/* The inverse as a fixed power, written once for one element and for eight: the includer names the
 * type FE and its MUL and SQUARE. The chain reaches z^(2^250 - 1) in 249 squarings and 11 products.
 */

static inline FE NAME(square_times)(FE a, int n)
{
    for (int i = 0; i < n; i++)
        a = SQUARE(a);
    return a;
}

/* z^(2^250 - 1), and z^11 in *z11. */
__attribute__((unused)) static inline FE NAME(power_250)(FE z, FE *z11)
{
    const FE z2 = SQUARE(z);
    const FE z9 = MUL(NAME(square_times)(z2, 2), z);
    *z11 = MUL(z9, z2);
    const FE t5 = MUL(SQUARE(*z11), z9);
    const FE t10 = MUL(NAME(square_times)(t5, 5), t5);
    const FE t20 = MUL(NAME(square_times)(t10, 10), t10);
    const FE t40 = MUL(NAME(square_times)(t20, 20), t20);
    const FE t50 = MUL(NAME(square_times)(t40, 10), t10);
    const FE t100 = MUL(NAME(square_times)(t50, 50), t50);
    const FE t200 = MUL(NAME(square_times)(t100, 100), t100);
    return MUL(NAME(square_times)(t200, 50), t50);
}

/* z^(p - 2), the inverse; zero for zero. p - 2 = 2^255 - 21 = (2^250 - 1) 2^5 + 11. */
__attribute__((unused)) static inline FE NAME(invert)(FE z)
{
    FE z11;
    const FE t250 = NAME(power_250)(z, &z11);
    return MUL(NAME(square_times)(t250, 5), z11);
}
