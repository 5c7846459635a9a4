package store

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// CopyDatabase writes a consistent copy of the SQLite database at path, which may be in use, into the file named to, which
// is empty. The copy is of the same schema. It may not be on the disk yet.
func CopyDatabase(ctx context.Context, path, to string) error {
	s, err := open(path, reading)
	if err != nil {
		return err
	}
	defer s.Close()
	version, err := s.readableVersion(ctx)
	if err == nil && version > 0 {
		_, err = s.db.ExecContext(ctx, `VACUUM INTO $1`, to)
	}
	if damaged(err) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code()&0xff == sqlite3.SQLITE_FULL {
		return fmt.Errorf("there is no room for it, name a place on a disk with more: %w", err)
	}
	return err
}
