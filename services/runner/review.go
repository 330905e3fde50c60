package runner

import (
	"context"
	"errors"
	"fmt"
	"io"

	"centinela/services/recovery"
	"centinela/shared/module"
)

// CheckPolicy proves the recovery policy in file (empty: the configured one) and says
// what it is. Errors: ErrConfig.
func CheckPolicy(cfg Config, file string, out io.Writer) error {
	return policyError(recovery.CheckPolicy(recoveryConfig(cfg), file, out))
}

// PrintPolicy writes the configured recovery policy. Errors: ErrConfig.
func PrintPolicy(cfg Config, out io.Writer) error {
	return policyError(recovery.PrintPolicy(recoveryConfig(cfg), out))
}

// ExplainRecovery writes every decision of a recovery from the configured store,
// whether recovery runs or not.
func ExplainRecovery(ctx context.Context, cfg Config, id, locale string, out io.Writer) error {
	store, err := recoveryStore(cfg)
	if err != nil {
		return err
	}
	return recovery.Explain(ctx, store, id, locale, out)
}

// ReplayRecoveries writes what the policy in file says of a recovery, or of all (id
// empty). Errors: ErrConfig, of the policy.
func ReplayRecoveries(ctx context.Context, cfg Config, id, file string, out io.Writer) error {
	store, err := recoveryStore(cfg)
	if err != nil {
		return err
	}
	return policyError(recovery.Replay(ctx, store, id, file, out))
}

func recoveryConfig(cfg Config) recovery.Config {
	return *cfg.parts[module.Recovery].section.(*recovery.Config)
}

func recoveryStore(cfg Config) (module.Store, error) {
	if err := cfg.Validate(module.Recovery); err != nil {
		return module.Store{}, err
	}
	return cfg.storeOf(rows(module.Recovery)[0])
}

// policyError marks a policy that can't be used as an error of the configuration.
func policyError(err error) error {
	if errors.Is(err, recovery.ErrPolicy) {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return err
}
