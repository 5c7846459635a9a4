package diagnosis

import "slices"

// matcher finds many phrases in one pass over a text (Aho and Corasick, 1975). Its time is linear in the text's length,
// whatever the text.
type matcher struct {
	nodes []node
	dense [][256]int32 // of the nodes with many children: where nearly all of a text is spent
}

type node struct {
	child, sibling, fail int32
	also                 int32 // the longest proper suffix that ends a phrase, 0 for none
	dense                int32 // -1 for none
	char                 byte
	ends                 []ending // the phrases that end here: one, but for the boundaries of its word
}

type ending struct {
	phrase, length int
	front, back    bool // it must begin, or end, a word
}

// boundary stands at the beginning or the end of a phrase that must begin or end a word: "|tar|" is not in "start".
const boundary = '|'

func newMatcher(phrases []string) *matcher {
	size := 1
	for _, p := range phrases {
		size += len(p)
	}
	m := &matcher{nodes: make([]node, 1, size)}
	m.nodes[0].dense = -1
	for i, p := range phrases {
		m.add(p, i)
	}
	m.link()
	return m
}

func (m *matcher) add(p string, phrase int) {
	front, back := false, false
	if p != "" && p[0] == boundary {
		front, p = true, p[1:]
	}
	if p != "" && p[len(p)-1] == boundary {
		back, p = true, p[:len(p)-1]
	}
	if p == "" {
		return
	}
	front, back = front || digit(p[0]), back || digit(p[len(p)-1]) // 0 files is not 250 files
	at := int32(0)
	for _, c := range []byte(p) {
		next := m.childOf(at, c)
		if next == 0 {
			next = int32(len(m.nodes)) //nolint:gosec // the knowledge is not that large
			m.nodes = append(m.nodes, node{char: c, sibling: m.nodes[at].child, dense: -1})
			m.nodes[at].child = next
		}
		at = next
	}
	m.nodes[at].ends = append(m.nodes[at].ends, ending{phrase, len(p), front, back})
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func (m *matcher) childOf(at int32, c byte) int32 {
	for i := m.nodes[at].child; i != 0; i = m.nodes[i].sibling {
		if m.nodes[i].char == c {
			return i
		}
	}
	return 0
}

// link sets the failure links, breadth first: those of shorter prefixes, and their rows, are there before they are asked.
func (m *matcher) link() {
	queue := make([]int32, 1, len(m.nodes))
	for n := 0; n < len(queue); n++ {
		at := queue[n]
		for i := m.nodes[at].child; i != 0; i = m.nodes[i].sibling {
			if at != 0 {
				m.nodes[i].fail = m.next(m.nodes[at].fail, m.nodes[i].char)
			}
			fail := m.nodes[i].fail
			m.nodes[i].also = m.nodes[fail].also
			if m.nodes[fail].ends != nil {
				m.nodes[i].also = fail
			}
			queue = append(queue, i)
		}
		if at == 0 || m.children(at) > 3 {
			m.fill(at)
		}
	}
}

func (m *matcher) children(at int32) int {
	n := 0
	for i := m.nodes[at].child; i != 0; i = m.nodes[i].sibling {
		n++
	}
	return n
}

// fill makes the row of a node: that of the nearest one it falls back to that has a row, and over it the children of
// those between them, the longest prefix last.
func (m *matcher) fill(at int32) {
	var row [256]int32
	chain := []int32{at}
	for n := at; n != 0; {
		n = m.nodes[n].fail
		if d := m.nodes[n].dense; d >= 0 {
			row = m.dense[d]
			break
		}
		chain = append(chain, n)
	}
	for _, n := range slices.Backward(chain) {
		for i := m.nodes[n].child; i != 0; i = m.nodes[i].sibling {
			row[m.nodes[i].char] = i
		}
	}
	m.nodes[at].dense = int32(len(m.dense)) //nolint:gosec // the knowledge is not that large
	m.dense = append(m.dense, row)
}

func (m *matcher) next(at int32, c byte) int32 {
	for {
		n := &m.nodes[at]
		if n.dense >= 0 {
			return m.dense[n.dense][c]
		}
		if i := m.childOf(at, c); i != 0 || at == 0 {
			return i
		}
		at = n.fail
	}
}

// find calls found for every phrase and where it ends.
func (m *matcher) find(s []byte, found func(phrase, end int)) {
	at := int32(0)
	for i, c := range s {
		at = m.next(at, c)
		for j := at; j != 0; j = m.nodes[j].also {
			for _, e := range m.nodes[j].ends {
				if e.front && (inWord(s, i-e.length) || fraction(s, i-e.length+1, -1)) || e.back && (inWord(s, i+1) || fraction(s, i, 1)) {
					continue
				}
				found(e.phrase, i+1)
			}
		}
	}
}

// fraction says whether a digit goes on behind a point, on the side of step: 429 is not in 429.1, nor 1 in 0.1.
func fraction(s []byte, i, step int) bool {
	return digit(s[i]) && i+2*step >= 0 && i+2*step < len(s) && s[i+step] == '.' && digit(s[i+2*step])
}

func inWord(s []byte, i int) bool {
	if i < 0 || i >= len(s) {
		return false
	}
	c := s[i]
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' || c >= 0x80
}
