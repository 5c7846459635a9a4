package api

import "time"

// ForecastInput says what to foretell of a schedule that is only planned, and on which assumptions.
type ForecastInput struct {
	Schedule   ScheduleInput `json:"schedule" doc:"Its settings. Where the server has a schedule of its name, it takes that one's place. What it takes in may be left out"`
	ServerName string        `json:"server_name,omitempty" maxLength:"64" doc:"Of a server that is only planned too, where the schedule names none: H and jitter follow it"`
	ForecastTerms
}

// ForecastTerms are the time of a forecast, and what it rests on.
type ForecastTerms struct {
	From              time.Time `json:"from" doc:"When it begins: the same question has the same answer at any time"`
	For               string    `json:"for,omitempty" maxLength:"32" doc:"How long it is, 1m to 3650d; 365d if left out"`
	NextRunsCount     *int      `json:"next_runs_count,omitempty" doc:"How many due times to list, 0 to 1000; 10 if left out"`
	ArchiveBytes      int64     `json:"archive_bytes,omitempty" doc:"Of an archive; measured on the newest good backups of the same source if left out"`
	GrowthBytesPerDay *int64    `json:"growth_bytes_per_day,omitempty" doc:"By which archives grow; measured if left out"`
	BytesPerSecond    int64     `json:"bytes_per_second,omitempty" doc:"Of archive that the server makes; measured if left out"`
	SpaceBytes        int64     `json:"space_bytes,omitempty" doc:"That the archives of the server may take; without end if left out"`
}

// Forecast is what becomes of a schedule, if nothing fails, decided as the control plane decides it.
type Forecast struct {
	ScheduleID    string    `json:"schedule_id,omitempty" doc:"Left out where it is only planned"`
	Name          string    `json:"name"`
	ServerID      string    `json:"server_id,omitempty"`
	ServerName    string    `json:"server_name"`
	Cron          string    `json:"cron"`
	Timezone      string    `json:"timezone"`
	RetentionDays int       `json:"retention_days"`
	From          time.Time `json:"from"`
	Until         time.Time `json:"until"`

	NextRuns []time.Time      `json:"next_runs" doc:"The first due times"`
	DueTimes int64            `json:"due_times"`
	Runs     int64            `json:"runs" doc:"Due times that make a backup"`
	NotRun   map[string]int64 `json:"not_run" doc:"How many do not, by reason"`

	LongestGapSeconds   int64      `json:"longest_gap_seconds" doc:"Longest time without a due time"`
	LongestGapFrom      *time.Time `json:"longest_gap_from,omitempty" doc:"When that begins"`
	OldestBackupSeconds int64      `json:"oldest_backup_seconds" doc:"How old the newest good backup gets; before the first one, since the forecast begins"`
	OldestBackupAt      *time.Time `json:"oldest_backup_at,omitempty" doc:"When that is"`

	Archives         int64      `json:"archives" doc:"Kept at the end"`
	StorageBytes     int64      `json:"storage_bytes" doc:"Of those"`
	PeakStorageBytes int64      `json:"peak_storage_bytes" doc:"The most at a time"`
	Steady           bool       `json:"steady" doc:"Archives expire as fast as they come"`
	SpaceFullAt      *time.Time `json:"space_full_at,omitempty" doc:"When a backup of the server finds no space first; left out where it always does, and where space_bytes is"`

	Assumptions []Assumption `json:"assumptions"`
	Notes       []string     `json:"notes" doc:"What a person should know"`
}

// Assumption is a number that a forecast rests on.
type Assumption struct {
	Name   string `json:"name" enum:"archive_bytes,growth_bytes_per_day,bytes_per_second"`
	Value  int64  `json:"value"`
	Source string `json:"source" enum:"given,measured,assumed"`
}
