package metrics

import (
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process adds what Prometheus's own library tells about a process and about Go, by the same names, as far as somebody watches it.
func (r *Registry) Process() {
	started := float64(time.Now().UnixMilli()) / 1000
	for _, g := range []struct {
		name, help string
		ask        func() (float64, bool)
	}{
		{"process_resident_memory_bytes", "Resident memory size in bytes.", pages(1)},
		{"process_virtual_memory_bytes", "Virtual memory size in bytes.", pages(0)},
		{"process_open_fds", "Number of open file descriptors.", openFiles},
		{"process_max_fds", "Maximum number of open file descriptors.", mostFiles},
		{"process_start_time_seconds", "Start time of the process since the epoch in seconds.", func() (float64, bool) { return started, true }},
		{"go_goroutines", "Number of goroutines that currently exist.", sample("/sched/goroutines:goroutines")},
		{"go_memstats_heap_alloc_bytes", "Bytes of heap objects, those not collected yet among them.", sample("/memory/classes/heap/objects:bytes")},
		{"go_memstats_sys_bytes", "Bytes obtained from the system.", sample("/memory/classes/total:bytes")},
		{"go_gc_gomemlimit_bytes", "The collector's memory limit.", sample("/gc/gomemlimit:bytes")},
	} {
		r.Gauge(g.name, g.help, ifKnown(g.ask))
	}
	r.Count("process_cpu_seconds_total", "User and system processor time in seconds.", ifKnown(processorTime))
	r.Count("go_memstats_alloc_bytes_total", "Bytes of heap objects allocated so far.", ifKnown(sample("/gc/heap/allocs:bytes")))
	r.Count("go_gc_cycles_total_gc_cycles_total", "Collections so far.", ifKnown(sample("/gc/cycles/total:gc-cycles")))
	r.Gauge("go_info", "Version of Go.", func() []Value { return []Value{{1, []string{runtime.Version()}}} }, "version")
}

func ifKnown(ask func() (float64, bool)) func() []Value {
	return func() []Value {
		v, ok := ask()
		if !ok {
			return nil
		}
		return One(v)
	}
}

func sample(name string) func() (float64, bool) {
	return func() (float64, bool) {
		s := []metrics.Sample{{Name: name}}
		metrics.Read(s)
		if s[0].Value.Kind() != metrics.KindUint64 {
			return 0, false // this version of Go does not know it
		}
		return float64(s[0].Value.Uint64()), true
	}
}

// pages reads a field of /proc/self/statm, which only Linux has.
func pages(field int) func() (float64, bool) {
	return func() (float64, bool) {
		text, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			return 0, false
		}
		fields := strings.Fields(string(text))
		if len(fields) <= field {
			return 0, false
		}
		n, err := strconv.ParseFloat(fields[field], 64)
		return n * float64(os.Getpagesize()), err == nil
	}
}

func openFiles() (float64, bool) {
	all, err := os.ReadDir("/proc/self/fd")
	return float64(len(all)), err == nil
}

func mostFiles() (float64, bool) {
	var l syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l)
	return float64(l.Cur), err == nil
}

func processorTime() (float64, bool) {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9, err == nil
}
