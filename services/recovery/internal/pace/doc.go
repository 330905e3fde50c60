// Package pace makes answers take the same time whether or not an account is
// behind them (V15): whole multiples of one time, more than the work of any.
//
// Owns: a stopwatch's time, in which the wait is measured: what somebody outside
// sees. Trusts: the time that it is given to be longer than the work mostly is.
// Hands over: the wait, as something to defer.
package pace
