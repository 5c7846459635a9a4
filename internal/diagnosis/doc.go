// Package diagnosis explains failures: from the raw facts of one, or from any tool's error text, to its class, its
// cause and its fix.
//
// The knowledge is data (knowledge_*.go), one entry per class; nothing else in the project decides anything by the
// text of a message. It does no I/O and reads no clock. Start reading at Text and Explain.
package diagnosis
