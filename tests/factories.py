"""One factory per model. Defaults are the smallest row that makes sense; a test states what matters to it."""

import hashlib
from datetime import timedelta
from typing import Any

import factory
from django.utils import timezone

from leaderboard import models
from workloads.spec import Framework, Ruleset


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class UserFactory(factory.django.DjangoModelFactory[models.User]):
    class Meta:
        model = models.User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@example.org")
    name = factory.Sequence(lambda n: f"Person {n}")
    password = factory.django.Password("correct horse battery")


class TeamFactory(factory.django.DjangoModelFactory[models.Team]):
    class Meta:
        model = models.Team

    name = factory.Sequence(lambda n: f"Team {n}")
    slug = factory.Sequence(lambda n: f"team-{n}")
    affiliation = "Example University"


class MembershipFactory(factory.django.DjangoModelFactory[models.Membership]):
    class Meta:
        model = models.Membership

    team = factory.SubFactory(TeamFactory)
    user = factory.SubFactory(UserFactory)
    role = models.Membership.Role.OWNER


class InvitationFactory(factory.django.DjangoModelFactory[models.Invitation]):
    class Meta:
        model = models.Invitation

    team = factory.SubFactory(TeamFactory)
    email = factory.Sequence(lambda n: f"guest{n}@example.org")
    token_hash = factory.Sequence(lambda n: sha256(f"invitation {n}"))
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=7))


class SubmissionFactory(factory.django.DjangoModelFactory[models.Submission]):
    """A draft without an archive; give `status` and what belongs to it for anything further along."""

    class Meta:
        model = models.Submission

    class Params:
        ready = factory.Trait(
            archive_sha256=factory.Sequence(lambda n: sha256(f"archive {n}")),
            bundle_sha256=factory.Sequence(lambda n: sha256(f"bundle {n}")),
            checks_passed=True,
            checked_at=factory.LazyFunction(timezone.now),
            licence_accepted_at=factory.LazyFunction(timezone.now),
        )
        sent = factory.Trait(
            ready=True,
            status=models.Submission.Status.QUEUED,
            sent_at=factory.LazyFunction(timezone.now),
            seed_root=sha256("seed"),
        )

    team = factory.SubFactory(TeamFactory)
    name = factory.Sequence(lambda n: f"Algorithm {n}")
    slug = factory.Sequence(lambda n: f"algorithm-{n}")
    edition = "mini"
    revision = "r1"
    hardware_class = "cpu2"
    ruleset = Ruleset.SELF_TUNING.value
    framework = Framework.JAX.value


class SubmissionFileFactory(factory.django.DjangoModelFactory[models.SubmissionFile]):
    class Meta:
        model = models.SubmissionFile

    submission = factory.SubFactory(SubmissionFactory)
    path = factory.Sequence(lambda n: f"file{n}.py")
    sha256 = factory.LazyAttribute(lambda row: sha256(row.path))
    nbytes = 100


class FindingFactory(factory.django.DjangoModelFactory[models.Finding]):
    class Meta:
        model = models.Finding

    submission = factory.SubFactory(SubmissionFactory)
    sequence = factory.Sequence(lambda n: n)
    rule = "workload-name"
    stage = models.Finding.Stage.RULES
    verdict = models.Finding.Verdict.PASSED
    message = "No workload name outside get_batch_size."


class HostFactory(factory.django.DjangoModelFactory[models.Host]):
    """An idle host whose key is `key-of-<name>`."""

    class Meta:
        model = models.Host

    name = factory.Sequence(lambda n: f"host{n}")
    hardware_class = "cpu2"
    hardware_model = "Example CPU"
    key_hash = factory.LazyAttribute(lambda row: sha256(f"key-of-{row.name}"))
    heartbeat_at = factory.LazyFunction(timezone.now)


class StudyFactory(factory.django.DjangoModelFactory[models.Study]):
    class Meta:
        model = models.Study

    submission = factory.SubFactory(SubmissionFactory, sent=True)
    workload = "imagenet_resnet"
    number = factory.Sequence(lambda n: n + 1)
    position = factory.Sequence(lambda n: n)


class TrialFactory(factory.django.DjangoModelFactory[models.Trial]):
    """A queued trial; `finished` gives it a result that reached the target."""

    class Meta:
        model = models.Trial

    class Params:
        finished = factory.Trait(
            status=models.Trial.Status.FINISHED,
            ending="target",
            charged_s=12.5,
            time_to_target_s=12.5,
            finished_at=factory.LazyFunction(timezone.now),
        )

    study = factory.SubFactory(StudyFactory)
    number = factory.Sequence(lambda n: n + 1)
    seed = factory.Sequence(lambda n: 1000 + n)


class AttemptFactory(factory.django.DjangoModelFactory[models.Attempt]):
    class Meta:
        model = models.Attempt

    trial = factory.SubFactory(TrialFactory)
    number = 1
    host = factory.SubFactory(HostFactory)
    lease_expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(seconds=45))


class ReportFactory(factory.django.DjangoModelFactory[models.Report]):
    class Meta:
        model = models.Report

    attempt = factory.SubFactory(AttemptFactory)
    sequence = factory.Sequence(lambda n: n)
    kind = "started"
    payload_sha256 = sha256("{}")


class EvaluationFactory(factory.django.DjangoModelFactory[models.Evaluation]):
    class Meta:
        model = models.Evaluation

    attempt = factory.SubFactory(AttemptFactory)
    number = factory.Sequence(lambda n: n)
    step = factory.LazyAttribute(lambda row: row.number * 10 + 1)
    charged_s = factory.LazyAttribute(lambda row: row.number * 2.5)
    metrics: dict[str, Any] = {"validation/accuracy": 0.5}
    is_valid = True
    reached_validation = False
    sha256 = factory.LazyAttribute(lambda row: sha256(str(row.number)))


class BoardFactory(factory.django.DjangoModelFactory[models.Board]):
    class Meta:
        model = models.Board

    edition = "mini"
    revision = "r1"
    ruleset = Ruleset.SELF_TUNING.value
    hardware_class = "cpu2"
    hardware_model = factory.Sequence(lambda n: f"Example CPU {n}")


class SnapshotFactory(factory.django.DjangoModelFactory[models.Snapshot]):
    class Meta:
        model = models.Snapshot

    board = factory.SubFactory(BoardFactory)
    number = 1
    rules = "documented"


class StandingFactory(factory.django.DjangoModelFactory[models.Standing]):
    class Meta:
        model = models.Standing

    snapshot = factory.SubFactory(SnapshotFactory)
    submission = factory.SubFactory(SubmissionFactory, sent=True, status=models.Submission.Status.PUBLISHED)
    rank = 1
    benchmark_score = 0.5
    published_score = factory.SelfAttribute("benchmark_score")
    documented_score = factory.SelfAttribute("benchmark_score")


class DecisionFactory(factory.django.DjangoModelFactory[models.Decision]):
    class Meta:
        model = models.Decision

    submission = factory.SubFactory(SubmissionFactory, sent=True)
    outcome = models.Decision.Outcome.DISQUALIFIED
    rule = "workload-name"
    public_note = "The step size depends on the name of the workload."
    decided_by = factory.SubFactory(UserFactory, is_reviewer=True)
