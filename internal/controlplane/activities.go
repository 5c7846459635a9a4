package controlplane

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// Activities lists the activity log, newest first.
func (c *ControlPlane) Activities(ctx context.Context, f ActivityFilter) ([]backup.Activity, error) {
	return c.Store.Activities(ctx, f)
}

// Activity returns one activity and its log.
func (c *ControlPlane) Activity(ctx context.Context, id backup.ActivityID) (backup.Activity, []backup.LogLine, error) {
	a, err := c.Store.Activity(ctx, id)
	if err != nil {
		return a, nil, fmt.Errorf("activity %s: %w", id, err)
	}
	lines, err := c.Store.Log(ctx, id)
	return a, lines, err
}

// FollowActivity returns an activity and the lines of its log after the one numbered after, as soon as there are any,
// the activity is finished, or the time is over.
func (c *ControlPlane) FollowActivity(ctx context.Context, id backup.ActivityID, after int64, patience time.Duration) (a backup.Activity, news []backup.LogLine, err error) {
	err = c.until(ctx, patience, func() (bool, error) {
		var lines []backup.LogLine
		a, lines, err = c.Activity(ctx, id)
		news = slices.DeleteFunc(lines, func(l backup.LogLine) bool { return l.Seq <= after })
		return len(news) > 0 || !a.FinishedAt.IsZero(), err
	})
	return a, news, err
}

// FollowActivities returns the activities newer than the one named newest, newest first, as soon as there are any or
// the time is over.
func (c *ControlPlane) FollowActivities(ctx context.Context, f ActivityFilter, newest backup.ActivityID, patience time.Duration) (news []backup.Activity, err error) {
	err = c.until(ctx, patience, func() (bool, error) {
		all, err := c.Store.Activities(ctx, f)
		news = slices.DeleteFunc(all, func(a backup.Activity) bool { return a.ID <= newest })
		return len(news) > 0, err
	})
	return news, err
}

// until looks again at every change until there is something to tell, the time is over, or ctx ends. Running out of
// time is no error.
func (c *ControlPlane) until(ctx context.Context, patience time.Duration, look func() (done bool, err error)) error {
	over := c.Clock.After(patience)
	for {
		changed := c.changes.next()
		if done, err := look(); done || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-c.Clock.After(time.Second): // another process may have written it
		case <-over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pause waits. A time that is simulated is moved on instead.
func (c *ControlPlane) pause(ctx context.Context, d time.Duration) error {
	if c.Virtual != nil {
		c.Virtual.skip(d)
		return ctx.Err()
	}
	select {
	case <-c.Clock.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
