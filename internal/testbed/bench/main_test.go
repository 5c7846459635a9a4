package main

import (
	"strings"
	"testing"
)

func TestTableHoldsEveryFigureThatHasAPeer(t *testing.T) {
	t.Parallel()
	const in = "goos: linux\n" +
		"BenchmarkAPI/sqlite/get/16-2 \t 1\t 37.09 p99-ms\t 25.00 peer-p99-ms\t 2954 peer-req/s\t 1.484 ratio-p99-ms\t 0.5698 ratio-req/s\t 1683 req/s\n" +
		"BenchmarkAlone-2 \t 1000\t 12 ns/op\nPASS\n"
	var out strings.Builder
	if err := run(strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	const want = in + "\n" +
		"BENCHMARK          UNIT    OURS   PEER   RATIO\n" +
		"API/sqlite/get/16  p99-ms  37.09  25.00  1.484\n" +
		"API/sqlite/get/16  req/s   1683   2954   0.5698\n"
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}
