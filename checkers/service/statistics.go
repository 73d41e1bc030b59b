package service

import (
	"math"
	"math/rand/v2"
)

func sum(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

func mean(x []float64) float64 { return ratioOf(sum(x), float64(len(x))) }

// ratioOf is a/b, and 0 where there is nothing to divide by.
func ratioOf(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// bootstrapError is the standard error of the mean, by drawing the runs anew with replacement (Efron, 1979). The
// draws are the same every time, so that a verdict is a function of its runs.
func bootstrapError(x []float64) float64 {
	const draws = 2000
	r := rand.New(rand.NewPCG(1979, uint64(len(x))))
	var s, squares float64
	centre := mean(x)
	for range draws {
		var total float64
		for range x {
			total += x[r.IntN(len(x))] - centre
		}
		m := total / float64(len(x))
		s += m
		squares += float64(m * m)
	}
	variance := squares/draws - float64(s/draws*(s/draws))
	n := float64(len(x)) // drawing with replacement from n values gives (n-1)/n of the variance
	return math.Sqrt(max(variance, 0) * n / (n - 1))
}

// student is the value that Student's t with that many degrees of freedom exceeds with probability p.
func student(freedom int, p float64) float64 {
	lo, hi := 0.0, 1e9
	for range 200 {
		mid := lo + (hi-lo)/2
		if tail(mid, freedom) > p {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// tail is the probability that Student's t with ν degrees of freedom exceeds t >= 0: with x = ν/(ν+t²), half
// the regularized incomplete beta function I_x(ν/2, 1/2) (Abramowitz & Stegun, 26.5.27).
func tail(t float64, freedom int) float64 {
	n := float64(freedom)
	x := n / (n + float64(t*t))
	return incompleteBeta(x, n/2, 0.5) / 2
}

// incompleteBeta is I_x(a, b), by its continued fraction (Lentz's method).
func incompleteBeta(x, a, b float64) float64 {
	if x <= 0 {
		return 0
	}
	if x >= 1 {
		return 1
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab - la - lb + float64(a*math.Log(x)) + float64(b*math.Log1p(-x)))
	if x > (a+1)/(a+b+2) {
		return 1 - float64(front*betaFraction(1-x, b, a))/b
	}
	return float64(front*betaFraction(x, a, b)) / a
}

func betaFraction(x, a, b float64) float64 {
	const tiny = 1e-300
	away := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/away(1-float64((a+b)*x)/(a+1))
	f := d
	for m := 1.0; m < 500; m++ {
		even := float64(float64(m*(b-m))*x) / float64((a+2*m-1)*(a+2*m))
		d = 1 / away(1+float64(even*d))
		c = away(1 + even/c)
		f = float64(f * float64(d*c))
		odd := -float64(float64((a+m)*(a+b+m))*x) / float64((a+2*m)*(a+2*m+1))
		d = 1 / away(1+float64(odd*d))
		c = away(1 + odd/c)
		step := float64(d * c)
		f = float64(f * step)
		if math.Abs(step-1) < 1e-15 {
			break
		}
	}
	return f
}
