/* Leases and nonces of jobs. */
#include "services/codepipeline/engine/lease.h"

void job_lease(struct job *job, const char *nonce, const char *worker, int64_t now_ms)
{
    machine_move(&machine_job, &job->status, JOB_DISPATCHED);
    str_copy(job->nonce, sizeof(job->nonce), nonce);
    job->attempt++;
    job->fenced = worker != NULL;
    job->due_ms = now_ms + (worker ? LEASE_MS : LEASE_UNACKNOWLEDGED_MS);
    str_copy(job->worker, sizeof(job->worker), worker ? worker : "");
    if (worker)
        machine_move(&machine_job, &job->status, JOB_IN_PROGRESS);
}

static bool nonce_fits(const struct job *job, const char *nonce)
{
    return job->nonce[0] && strcmp(job->nonce, nonce) == 0;
}

bool job_ended(const struct job *job)
{
    return !machine_may(&machine_job, job->status, JOB_CANCELLED);
}

int job_acknowledge(struct job *job, const char *nonce)
{
    if (!nonce_fits(job, nonce))
        return PIPELINE_E_NONCE;
    if (job->status == JOB_DISPATCHED) {
        machine_move(&machine_job, &job->status, JOB_IN_PROGRESS);
        job->due_ms = 0;
    }
    return 0;
}

int job_extend(struct job *job, const char *nonce, int64_t now_ms, bool *ret_cancelled)
{
    if (!nonce_fits(job, nonce))
        return PIPELINE_E_NONCE;
    *ret_cancelled = job_ended(job);
    if (!job_ended(job))
        job->due_ms = now_ms + LEASE_MS;
    return 0;
}

static void job_offer_again(struct job *job)
{
    machine_move(&machine_job, &job->status, JOB_QUEUED);
    job->nonce[0] = '\0';
    job->due_ms = 0;
}

int job_release(struct job *job, const char *nonce)
{
    if (!nonce_fits(job, nonce))
        return PIPELINE_E_NONCE;
    if (!job_ended(job))
        job_offer_again(job);
    return 0;
}

int job_finish(struct job *job, const char *nonce, bool success, bool *ret_repeated)
{
    int to = success ? JOB_SUCCEEDED : JOB_FAILED;

    if (nonce ? !nonce_fits(job, nonce) : job->fenced && job->nonce[0])
        return PIPELINE_E_NONCE;
    *ret_repeated = nonce && job->status == to;
    if (*ret_repeated)
        return 0;
    if (!machine_may(&machine_job, job->status, to))
        return PIPELINE_E_JOB_STATE;
    machine_move(&machine_job, &job->status, to);
    job->due_ms = 0;
    return 0;
}

bool job_orphan(struct job *job)
{
    if (job_ended(job) || job->status == JOB_QUEUED)
        return false;
    job_offer_again(job);
    return true;
}

bool job_expire(struct job *job, int64_t now_ms)
{
    return job->due_ms != 0 && job->due_ms <= now_ms && job_orphan(job);
}

bool job_cancel(struct job *job, int status)
{
    if (job_ended(job))
        return false;
    machine_move(&machine_job, &job->status, status);
    job->due_ms = 0;
    return true;
}
