#!/bin/sh
# SPDX-License-Identifier: MIT
# campaign_test.sh: a short slice of the campaign; `sh tests/e2e/campaign.sh` has 200 faults.

SEED=${SEED:-2} exec sh "${top_srcdir:-.}/tests/e2e/campaign.sh" 6
