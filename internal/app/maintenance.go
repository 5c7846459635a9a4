package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/seal"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
)

// Records says where the records of a control plane are. They are looked at as they lie there, whoever owns them.
type Records struct {
	DataDir  string
	Database string // URL of a PostgreSQL database, instead of a data directory
}

// Finding is something in the records that is not as it must be.
type Finding struct {
	Record string `json:"record"` // an identifier, or what all of them have in common
	Text   string `json:"text"`
}

// RecordsCheck is what a look at all records showed.
type RecordsCheck struct {
	Records       string    `json:"records"` // the file, or the database without its password
	SchemaVersion int       `json:"schema_version"`
	Servers       int       `json:"servers"`
	Backups       int       `json:"backups"`
	MasterKey     string    `json:"master_key"` // where the key is that was tried, "" if none was
	Sound         bool      `json:"sound"`
	Damaged       bool      `json:"damaged"` // the file is not what it should be, and the records were not counted
	Findings      []Finding `json:"findings"`
	Fix           string    `json:"fix"`   // what to do about them
	Notes         []string  `json:"notes"` // what was not checked
}

// RecordsCopy is a copy of all records.
type RecordsCopy struct {
	File          string    `json:"file"`
	Format        string    `json:"format"` // sqlite or pg_dump
	SizeBytes     int64     `json:"size_bytes"`
	SchemaVersion int       `json:"schema_version"`
	Servers       int       `json:"servers"`
	Backups       int       `json:"backups"`
	MasterKey     string    `json:"master_key"` // where the key is that the copy is worth nothing without, "" if it is not here
	Findings      []Finding `json:"findings"`   // in the records that were copied
}

// Check looks at all records and changes nothing.
func (r Records) Check(ctx context.Context) (RecordsCheck, error) {
	if r.Database != "" {
		found, err := store.CheckPostgres(ctx, r.Database)
		return report(store.PostgresName(r.Database), found), err
	}
	dir, err := r.dir()
	if err != nil {
		return RecordsCheck{}, err
	}
	found, err := store.CheckDatabase(ctx, dir.database())
	return report(dir.database(), found), err
}

// CheckCopy looks at a copy that Backup made of a data directory.
func CheckCopy(ctx context.Context, file string) (RecordsCheck, error) {
	info, err := os.Stat(file)
	if err != nil {
		return RecordsCheck{}, err
	}
	if !info.Mode().IsRegular() {
		return RecordsCheck{}, fmt.Errorf("%s is not a file", file)
	}
	dump, err := isDump(file)
	if err != nil {
		return RecordsCheck{}, err
	}
	if dump {
		return RecordsCheck{}, fmt.Errorf("%s was made of a PostgreSQL database: pg_restore --list %s looks into it, and checking its records takes restoring it", file, file)
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return RecordsCheck{}, err
	}
	found, err := store.CheckCopy(ctx, path)
	return report(file, found), err
}

// isDump reports whether a file begins as every archive of pg_dump does.
func isDump(file string) (bool, error) {
	f, err := os.Open(file)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 5)
	n, _ := f.Read(head)
	return string(head[:n]) == "PGDMP", nil
}

// dir is the data directory. There are records in it.
func (r Records) dir() (dataDir, error) {
	path, err := filepath.Abs(r.DataDir)
	if err != nil {
		return "", err
	}
	dir := dataDir(path)
	exists, err := dir.exists()
	if err == nil && !exists {
		err = fmt.Errorf("there are no records in %s: name the data directory with --data-dir, or the database with --database", path)
	}
	return dir, err
}

// report puts what was found into words, and tries the keys.
func report(name string, found store.Checkup) RecordsCheck {
	c := RecordsCheck{Records: name, SchemaVersion: found.Schema, Servers: found.Servers, Backups: found.Backups, Findings: findings(found), Notes: []string{}}
	c.tryKeys(found)
	c.Sound, c.Damaged = len(c.Findings) == 0, found.Damaged
	switch {
	case c.Damaged:
		c.Fix = "Stop what uses the file, keep it, and put the last good copy that \"cloudaipilot db backup\" made in its place: see the guide \"Keep and restore the records\"."
	case !c.Sound:
		c.Fix = "Keep a copy as it is (\"cloudaipilot db backup\"). Where a copy from before is sound, restoring it puts this right: see the guide \"Keep and restore the records\"."
	}
	return c
}

func findings(found store.Checkup) []Finding {
	all := []Finding{}
	for _, f := range found.Faults {
		all = append(all, Finding{Record: f.Record, Text: f.Text})
	}
	if found.MoreFaults > 0 {
		all = append(all, Finding{Record: "more", Text: fmt.Sprintf("%d more findings", found.MoreFaults)})
	}
	return all
}

// tryKeys opens every sealed key with the master key.
func (c *RecordsCheck) tryKeys(found store.Checkup) {
	if found.KeyCheck == "" && len(found.Sealed) == 0 {
		return
	}
	key, where, err := masterKey(false)
	if err != nil {
		if named := os.Getenv(MasterKeyEnv) + os.Getenv(MasterKeyFileEnv); named != "" {
			c.Findings = append(c.Findings, Finding{Record: "master key", Text: err.Error()})
			return
		}
		c.Notes = append(c.Notes, "the servers' keys were not tried: "+err.Error())
		return
	}
	c.MasterKey = where
	sealer := seal.New(key)
	if found.KeyCheck != "" {
		if _, err := sealer.Open(keyCheckName, found.KeyCheck); err != nil {
			c.Findings = append(c.Findings, Finding{Record: "master key", Text: fmt.Sprintf("the one from %s is not the one these records were sealed with: set %s or %s to the right one", where, MasterKeyEnv, MasterKeyFileEnv)})
			return
		}
	}
	for _, k := range found.Sealed {
		if _, err := sealer.Open(string(k.Server), k.Sealed); err != nil {
			c.Findings = append(c.Findings, Finding{Record: string(k.Server), Text: "its private key cannot be opened: " + err.Error()})
		}
	}
}

// Backup copies all records into a new file, at one moment and whole, while their owner goes on. A file of that name
// is left alone, unless replace is set: then it is replaced once the copy is known to be good.
func (r Records) Backup(ctx context.Context, file string, replace bool) (c RecordsCopy, err error) {
	place, err := filepath.Abs(file)
	if err != nil {
		return c, err
	}
	copying := copyPostgres
	if r.Database == "" {
		dir, err := r.dir()
		if err != nil {
			return c, err
		}
		if err := dir.keepsOut(place); err != nil {
			return c, err
		}
		copying, r.DataDir = copySQLite, string(dir)
	}
	if err := mayBecome(place, replace); err != nil {
		return c, err
	}
	d, err := newDraft(place)
	if err != nil {
		return c, fmt.Errorf("begin the copy: %w", err)
	}
	defer d.discard()
	found, format, err := copying(ctx, r, d.path)
	if err != nil {
		return c, fmt.Errorf("copy the records: %w; %s was not written", err, file)
	}
	if err := d.publish(replace); err != nil {
		return c, fmt.Errorf("put the copy in its place: %w", err)
	}
	return describe(place, format, found)
}

func describe(place, format string, found store.Checkup) (RecordsCopy, error) {
	info, err := os.Stat(place)
	if err != nil {
		return RecordsCopy{}, err
	}
	_, where, err := masterKey(false)
	if err != nil {
		where = ""
	}
	return RecordsCopy{File: place, Format: format, SizeBytes: info.Size(), SchemaVersion: found.Schema, Servers: found.Servers,
		Backups: found.Backups, MasterKey: where, Findings: findings(found)}, nil
}

// mayBecome refuses what is there already, and what no file can take the place of.
func mayBecome(place string, replace bool) error {
	if info, err := os.Stat(filepath.Dir(place)); err != nil || !info.IsDir() {
		return fmt.Errorf("there is no folder %s: make it first", filepath.Dir(place))
	}
	info, err := os.Lstat(place)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is there and not a file: name another", place)
	case !replace:
		return errThere(place)
	}
	return nil
}

// keepsOut refuses to have a copy in the data directory: it would be lost with the original, or take its place.
func (d dataDir) keepsOut(place string) error {
	home, err := filepath.EvalSymlinks(string(d))
	if err != nil {
		return err
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(place))
	if err != nil {
		return fmt.Errorf("there is no folder %s: make it first", filepath.Dir(place))
	}
	if folder == home || strings.HasPrefix(folder, home+string(filepath.Separator)) {
		return fmt.Errorf("%s is in the data directory, and a copy there is lost with the original: name a file elsewhere", place)
	}
	original, err := os.Stat(d.database())
	if err != nil {
		return err
	}
	if there, err := os.Stat(place); err == nil && os.SameFile(original, there) {
		return fmt.Errorf("%s is the database itself: name another file", place)
	}
	return nil
}

// copySQLite copies and checks the database of a data directory.
func copySQLite(ctx context.Context, r Records, to string) (store.Checkup, string, error) {
	err := store.CopyDatabase(ctx, dataDir(r.DataDir).database(), to)
	if errors.Is(err, store.ErrDamaged) {
		return store.Checkup{}, "", fmt.Errorf("%w: keep the last good copy, and see what \"cloudaipilot db check\" says", err)
	}
	if err != nil {
		return store.Checkup{}, "", err
	}
	found, err := store.CheckCopy(ctx, to)
	if err == nil && found.Damaged {
		err = fmt.Errorf("the copy is not good: %s", found.Faults[0].Text)
	}
	return found, "sqlite", err
}

// copyPostgres has pg_dump copy a database.
func copyPostgres(ctx context.Context, r Records, to string) (store.Checkup, string, error) {
	found, err := store.DumpPostgres(ctx, r.Database, to)
	return found, "pg_dump", err
}
