package backup

import "fmt"

// ID names one backup: "bk_" and a ULID, so identifiers sort by time of creation.
type ID string

// ServerID names one server: "srv_" and a ULID.
type ServerID string

// ScheduleID names one schedule: "sch_" and a ULID.
type ScheduleID string

// ActivityID names one entry of the activity log: "act_" and a ULID.
type ActivityID string

// Prefixes of the identifiers.
const (
	BackupIDPrefix   = "bk_"
	ServerIDPrefix   = "srv_"
	ScheduleIDPrefix = "sch_"
	ActivityIDPrefix = "act_"
)

// A ULID is 26 letters of Crockford's base 32. Folder names on servers are made of identifiers,
// so nothing else may ever pass.
var ulidPattern = NewPattern(`^[0-7][0-9A-HJKMNP-TV-Z]{25}$`)

// ParseID checks that s is the identifier of a backup.
func ParseID(s string) (ID, error) {
	if err := checkID(s, BackupIDPrefix, "backup"); err != nil {
		return "", err
	}
	return ID(s), nil
}

// ParseServerID checks that s is the identifier of a server.
func ParseServerID(s string) (ServerID, error) {
	if err := checkID(s, ServerIDPrefix, "server"); err != nil {
		return "", err
	}
	return ServerID(s), nil
}

// ParseScheduleID checks that s is the identifier of a schedule.
func ParseScheduleID(s string) (ScheduleID, error) {
	if err := checkID(s, ScheduleIDPrefix, "schedule"); err != nil {
		return "", err
	}
	return ScheduleID(s), nil
}

// ParseActivityID checks that s is the identifier of an activity.
func ParseActivityID(s string) (ActivityID, error) {
	if err := checkID(s, ActivityIDPrefix, "activity"); err != nil {
		return "", err
	}
	return ActivityID(s), nil
}

func checkID(s, prefix, noun string) error {
	if len(s) > len(prefix) && s[:len(prefix)] == prefix && ulidPattern.MatchString(s[len(prefix):]) {
		return nil
	}
	return fmt.Errorf("%q is not the identifier of a %s: want %q and 26 letters and digits, as in %q",
		Excerpt(s, 64), noun, prefix, prefix+"01JD3V8Q5R6S7T8V9W0X1Y2Z3A")
}
