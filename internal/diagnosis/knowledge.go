package diagnosis

import "slices"

// knowledge is all that is known, one entry per class, in files by family: knowledge_*.go.
var knowledge = slices.Concat(sshKnowledge, diskKnowledge, hostKnowledge, databaseKnowledge, offsiteKnowledge, operationKnowledge)

// unknown is the honest answer where nothing is known.
var unknown = &entry{
	class: ClassUnknown, family: "none", retry: RetryNo, title: "the cause is not known",
	cause: "{text}",
	fix:   []string{"Read what the tools said: cloudaipilot backup log", "Try again; if it comes back, report it with that log."},
}

// each adds a term to every one of some signatures.
func each(term string, signatures ...string) []string {
	for i := range signatures {
		signatures[i] += " & " + term
	}
	return signatures
}
