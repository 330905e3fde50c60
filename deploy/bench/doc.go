// Command bench measures the suite from outside, each number beside a baseline in the same run (issue 3, point 8;
// design: gateway "Cost", chat-relay "How fast", auth "Parameters").
//
// It owns the processes that it starts: the suite's own binary, and baselines (a bare proxy, a bare WebSocket hub, bare
// inserts, a bare hash), which are this program again under `serve`, so that each side's CPU and memory are a process's
// own. All of it listens on free loopback ports, keeps its data in one temporary folder, and is stopped by its pid.
//
// It trusts nothing that a machine says once: machines are shared and noisy, so both sides alternate in short slices
// (A B A B …) and the medians are compared. A ratio counts, an absolute number is only as good as its day.
//
// It hands over a table. The exit code tells whether something broke, never whether a number is good.
package main
