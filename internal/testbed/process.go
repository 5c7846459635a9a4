package testbed

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type process struct {
	pid, parent int
	name        string
}

// processes lists what runs now, from /proc. Processes that end meanwhile are left out.
func processes() []process {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var all []process
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		// "pid (name) state ppid ...", where the name may itself hold spaces and brackets.
		head, tail, _ := strings.Cut(string(text), "(")
		end := strings.LastIndexByte(tail, ')')
		if end < 0 {
			continue
		}
		fields := strings.Fields(tail[end+1:])
		if len(fields) < 2 || fields[0] == "Z" {
			continue
		}
		pid, _ := strconv.Atoi(strings.TrimSpace(head))
		parent, _ := strconv.Atoi(fields[1])
		all = append(all, process{pid: pid, parent: parent, name: tail[:end]})
	}
	return all
}

// sessions returns the daemon processes below an sshd listener that serve connections.
// The commands they run are not among them: those survive a cut connection.
func sessions(listener int) []int {
	all := processes()
	var found []int
	for level := []int{listener}; len(level) > 0; {
		var next []int
		for _, parent := range level {
			for _, p := range all {
				if p.parent == parent && strings.HasPrefix(p.name, "sshd") {
					next = append(next, p.pid)
				}
			}
		}
		found = append(found, next...)
		level = next
	}
	return found
}

// frozen returns the sessions, stopped. A login has its daemon process fork: one that was born while they were counted is
// found the next time, because its parent is there still, and bears no more.
func frozen(listener int) []int {
	for before := []int(nil); ; {
		found := sessions(listener)
		for _, pid := range found {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		}
		if slices.Equal(before, found) {
			return found
		}
		before = found
	}
}

// commands returns the processes that logins through this port have left running, detached ones and their
// children included: sshd puts the port it serves into their environment.
func commands(port int) []int {
	marker := " 127.0.0.1 " + strconv.Itoa(port)
	all := processes()
	found := map[int]bool{}
	for _, p := range all {
		environment, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.pid), "environ"))
		if err != nil {
			continue
		}
		for variable := range strings.SplitSeq(string(environment), "\x00") {
			if strings.HasPrefix(variable, "SSH_CONNECTION=") && strings.HasSuffix(variable, marker) {
				found[p.pid] = true
			}
		}
	}
	// sudo hands on no such variable: its children are found by their parent.
	for more := true; more; {
		more = false
		for _, p := range all {
			if found[p.parent] && !found[p.pid] {
				found[p.pid], more = true, true
			}
		}
	}
	pids := make([]int, 0, len(found))
	for pid := range found {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return pids
}

// killAll kills processes and waits until they are gone.
func killAll(pids []int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	deadline := time.Now().Add(readyTimeout)
	for time.Now().Before(deadline) {
		alive := map[int]bool{}
		for _, p := range processes() {
			alive[p.pid] = true
		}
		left := false
		for _, pid := range pids {
			left = left || alive[pid]
		}
		if !left {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}
