#!/bin/sh
# A sweep over a cluster: a Slurm array, each task one shard, in a folder that all nodes see and that is empty for each sweep (what another
# left for a task that never began is taken for this one's where both were asked for the same, and else refused). Submitted from there,
# with your command (that of `eagain new` is called as the crate):
#
#   array=$(sbatch --parsable deploy/slurm.sh target/release/eagain explore --seeds 100000)
#   sbatch --dependency=afterany:"$array" deploy/slurm.sh target/release/eagain merge
#
# The second joins the files of the shards. A task that died has left none: its shard is named, with the line that runs it alone and
# writes the files of that task. With `--guided` each task goes on from what it has learned before, in `corpus-TASK`, and the second
# joins these in `corpus`.
#
#SBATCH --job-name=eagain
#SBATCH --array=0-7
#SBATCH --cpus-per-task=4
#SBATCH --time=01:00:00
#SBATCH --output=eagain-%A-%a.log

eagain=${1-} command=${2-}
[ $# -lt 2 ] || shift 2
case $command in
explore)
    export EAGAIN_OUT=failures
    case " $* " in *" --guided "*)
        set -- "$@" --corpus "corpus-$SLURM_ARRAY_TASK_ID"
        ;;
    esac
    # SLURM_ARRAY_TASK_ID, _COUNT and _MIN say which shard this is: the array may be numbered from 1.
    exec "$eagain" explore "$@" --from 0 --shard auto --jobs "${SLURM_CPUS_PER_TASK:-1}" \
        --json "sweep-$SLURM_ARRAY_TASK_ID.json" --junit "sweep-$SLURM_ARRAY_TASK_ID.xml"
    ;;
merge)
    # The first task of the array is enough.
    [ "${SLURM_ARRAY_TASK_ID:-0}" = "${SLURM_ARRAY_TASK_MIN:-0}" ] || exit 0
    # A task that was ended before it had saved anything has left no head of a corpus; where there is none at all the pattern stands for
    # itself. What is wrong with the corpora is said, and the results are joined all the same.
    set --
    for head in corpus-*/corpus.json; do
        [ ! -e "$head" ] || set -- "$@" "${head%/corpus.json}"
    done
    status=0
    [ $# = 0 ] || "$eagain" merge "$@" --corpus corpus || status=$?
    "$eagain" merge sweep-*.json --json whole.json --junit whole.xml || status=$?
    exit "$status"
    ;;
*)
    echo "expected: slurm.sh EAGAIN explore … or slurm.sh EAGAIN merge" >&2
    exit 2
    ;;
esac
