/**
 * Distribution of Student's t, by the regularised incomplete beta function I (Abramowitz, Stegun 26.7.1):
 *
 *   P(|t| > x) = I_w(df / 2, 1 / 2),   w = df / (df + x^2)
 */

/** P(T <= x) for `df` degrees of freedom, df >= 1. */
export function studentTCdf(x: number, df: number): number {
  const tails = incompleteBeta(df / (df + x * x), df / 2, 0.5);
  return x >= 0 ? 1 - tails / 2 : tails / 2;
}

/**
 * The x with P(T <= x) = p, to about 1e-9 relative.
 * @param p between 0 and 1, both excluded
 * @param df degrees of freedom, >= 1
 * @throws RangeError outside these bounds
 */
export function studentTQuantile(p: number, df: number): number {
  if (!(p > 0 && p < 1) || !(df >= 1)) {
    throw new RangeError(
      `Cannot take the t quantile as 0 < p < 1 and df >= 1 are needed: p is ${p}, df ${df}`,
    );
  }
  if (p === 0.5) return 0;
  if (p < 0.5) return -studentTQuantile(1 - p, df);
  let low = 0;
  let high = 1;
  while (studentTCdf(high, df) < p) high *= 2;
  // The CDF is monotone and smooth: 60 halvings leave nothing that a report could show.
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (studentTCdf(middle, df) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** I_x(a, b) by its continued fraction (Abramowitz, Stegun 26.5.8), evaluated as Lentz does. */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast below the mean only; above it the mirrored function is evaluated.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  const tiny = 1e-300;
  const guard = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / guard(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    let change = 1;
    for (const term of [even, odd]) {
      d = 1 / guard(1 + term * d);
      c = guard(1 + term / c);
      change = c * d;
      fraction *= change;
    }
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return (front * fraction) / a;
}

/** log Gamma(x) for x > 0: Stirling's series after shifting x above 10, where its error is below 1e-14. */
function logGamma(x: number): number {
  let shift = 0;
  let y = x;
  for (; y < 10; y++) shift += Math.log(y);
  const i = 1 / (y * y);
  const series = (1 / 12 - i * (1 / 360 - i * (1 / 1260 - i * (1 / 1680 - i / 1188)))) / y;
  return (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + series - shift;
}
