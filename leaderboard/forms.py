"""What people may type, and the sentences that say what is wrong with it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from leaderboard.models import Decision, Membership, Submission, Team, User
from leaderboard.models.submissions import FRAMEWORKS, RULESETS
from workloads import editions

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # print nothing, or turn the line around


class Line(forms.CharField):
    """One line of text a person typed: no control characters, no direction marks, ends trimmed."""

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if any(unicodedata.category(char) in _INVISIBLE for char in text):
            raise ValidationError("Use ordinary characters only; this text holds some that cannot be seen.")
        return text


class SignupDetails(forms.Form):
    """What an account needs beside address and password; allauth puts its own fields around it."""

    name = Line(
        label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}),
        help_text="Shown to your team and to reviewers, on public pages only when you agree.",
    )  # fmt: skip
    field_order = ["name", "email", "password1", "password2"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

    def signup(self, request: HttpRequest, user: User) -> None:
        """allauth calls this once the account exists."""
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])


class DetailsForm(forms.ModelForm):
    """Name and affiliation of an account."""

    name = Line(label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    affiliation = Line(
        max_length=200, required=False, widget=forms.TextInput(attrs={"autocomplete": "organization"}),
        help_text="University, company or institute. Reviewers do not settle cases of their own affiliation.",
    )  # fmt: skip

    class Meta:
        model = User
        fields = ["name", "affiliation"]


class DeleteAccountForm(forms.Form):
    """The password, and a tick that says the effect was read."""

    password = forms.CharField(
        label="Your password", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    understood = forms.BooleanField(
        label="I understand that this cannot be undone",
        error_messages={"required": "Tick the box to say that you understand it."},
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise ValidationError("This is not your password.")
        return password


class TeamForm(forms.ModelForm):
    """A new team, or a change of its affiliation."""

    name = Line(label="Team name", max_length=80, help_text="Public. Stands beside every submission.")
    affiliation = Line(
        max_length=200, help_text="Public. University, company or institute; write “independent” if there is none."
    )

    class Meta:
        model = Team
        fields = ["name", "affiliation"]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        taken = Team.objects.filter(name__iexact=name).exclude(pk=self.instance.pk)
        if taken.exists():
            raise ValidationError("There is a team with this name already. Choose another one, or ask to be invited.")
        return name


class InvitationForm(forms.Form):
    """Whom to invite."""

    email = forms.EmailField(label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        self.team = team
        super().__init__(*args, **kwargs)

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if Membership.objects.filter(team=self.team, user__email__iexact=email).exists():
            raise ValidationError("This person is in the team already.")
        if self.team.invitations.open().filter(email__iexact=email).exists():
            raise ValidationError("This address has been invited already. Revoke that invitation to send a new one.")
        return email


class ArchiveField(forms.FileField):
    """A zip of a size that can be one; what is inside is read elsewhere, in a child process."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", "Archive")
        kwargs.setdefault("help_text", "A zip with submission.py and submission_info.yml at its top, 2 MB at most.")
        kwargs.setdefault("error_messages", {"required": "Choose the zip to send.", "empty": "This file is empty."})
        limits = {"accept": ".zip,application/zip", "data-max-bytes": settings.MAX_UPLOAD_BYTES}
        widget = forms.FileInput(attrs=limits)
        super().__init__(widget=widget, **kwargs)

    def clean(self, data: Any, initial: Any = None) -> Any:
        upload = super().clean(data, initial)
        if upload and upload.size > settings.MAX_UPLOAD_BYTES:
            raise ValidationError(
                f"The archive is {upload.size / 1e6:.1f} MB, the limit is {settings.MAX_UPLOAD_BYTES / 1e6:.0f} MB. "
                "Leave out checkpoints and data."
            )
        return upload


def workload_choices(edition_name: str) -> list[tuple[str, str]]:
    """The base workloads of an edition as choices."""
    return [(workload.name, workload.name) for workload in editions.load(edition_name).workloads]


class SubmitForm(forms.Form):
    """The start of a draft: who, what kind, and the archive. Everything else comes from the archive."""

    team = forms.ModelChoiceField(queryset=Team.objects.none(), empty_label=None)
    name = Line(max_length=120, help_text="Public. The algorithm's name, as in a paper's table.")
    ruleset = forms.ChoiceField(choices=RULESETS, widget=forms.RadioSelect)
    framework = forms.ChoiceField(choices=FRAMEWORKS, widget=forms.RadioSelect)
    workloads = forms.MultipleChoiceField(
        label="Workloads",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Leave empty to run all workloads and be ranked. "
        "A run on some of them is shown under “Not ranked”; a full one can follow as a new version.",
    )
    quick_look = forms.BooleanField(required=False)
    one_study = forms.BooleanField(
        required=False,
        label="Run one study only",
        help_text="Of the chosen workloads. It is shown under “Not ranked”, too.",
    )
    archive = ArchiveField()

    def __init__(self, *args: Any, teams: Any, edition: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.edition = edition
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]
        self.fields["workloads"].choices = workload_choices(edition)  # type: ignore[attr-defined]
        quick = editions.load(edition).quick_look
        if not quick:
            del self.fields["quick_look"]
            return
        self.fields["quick_look"].label = f"Only {' and '.join(quick)}, one study"
        self.fields["quick_look"].help_text = "The first impression, in minutes. It is shown under “Not ranked”."

    def clean_team(self) -> Team:
        """A team that keeps more drafts than it can remember has to discard some first."""
        team: Team = self.cleaned_data["team"]
        drafts = team.submissions.filter(status__in=Submission.UNSENT).count()
        if drafts >= settings.MAX_DRAFTS_PER_TEAM:
            raise ValidationError(f"{team.name} has {drafts} drafts. Discard or send some of them first.")
        return team

    def clean(self) -> dict[str, Any]:
        """A closed edition is history: nothing new runs under its rules."""
        if not editions.load(self.edition).accepts_submissions:
            raise ValidationError(f"Edition {self.edition} is closed and takes no submissions.")
        values = super().clean() or {}
        if values.get("quick_look"):
            values |= {"workloads": list(editions.load(self.edition).quick_look), "one_study": True}
        return values

    def clean_workloads(self) -> list[str]:
        """All of them is the same as none chosen: a full run."""
        chosen: list[str] = self.cleaned_data["workloads"]
        return [] if len(chosen) == len(workload_choices(self.edition)) else chosen


class DraftForm(forms.ModelForm):
    """What a submission says about itself; the archive's submission_info.yml fills it first."""

    name = Line(max_length=120, help_text="Public. The algorithm's name, as in a paper's table.")
    authors = Line(max_length=1000, required=False, help_text="Public. Names with commas between them.")
    affiliation = Line(max_length=200, required=False)
    paper_url = forms.URLField(label="Paper", required=False, assume_scheme="https")
    description = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), help_text="One or two sentences."
    )

    class Meta:
        model = Submission
        fields = ["name", "authors", "affiliation", "paper_url", "description"]

    def clean_paper_url(self) -> str:
        url: str = self.cleaned_data["paper_url"]
        if url and not url.startswith(("https://", "http://")):
            raise ValidationError("Give an address that starts with https://.")
        return url


class SendForm(forms.Form):
    """The statement: without it nothing runs."""

    accept_licence = forms.BooleanField(
        required=False,
        label="We may submit this code and license it under the Apache License 2.0 (or the open licence named in "
        "submission_info.yml). It, its logs and its results may be published.",
    )


class ArchiveForm(forms.Form):
    """Another zip for the same draft."""

    archive = ArchiveField(label="Another archive")


class DecisionForm(forms.Form):
    """A reviewer's decision. Rule, public note and internal reason are required where something is taken away."""

    outcome = forms.ChoiceField(widget=forms.RadioSelect, error_messages={"required": "Choose an outcome."})
    rule = forms.ChoiceField(required=False)
    public_note = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Shown on the submission page and in the decision list. 2 to 4 sentences, cite rule and lines.",
    )  # fmt: skip
    internal_reason = forms.CharField(
        required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Reviewers only, kept in the audit trail.",
    )  # fmt: skip

    def __init__(
        self, *args: Any, outcomes: Sequence[tuple[str, str]], rules: Sequence[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["outcome"].choices = outcomes  # type: ignore[attr-defined]
        self.fields["rule"].choices = [("", "Choose a rule"), *rules]  # type: ignore[attr-defined]
        for name in ("rule", "public_note", "internal_reason"):
            self.fields[name].needed_sometimes = True  # type: ignore[attr-defined]  # so the label does not say "optional"

    def clean(self) -> dict[str, Any]:
        """Everything that is public has to say why."""
        values = super().clean() or {}
        outcome = values.get("outcome")
        if outcome == Decision.Outcome.DISQUALIFIED and not values.get("rule"):
            self.add_error("rule", "Choose the rule that was broken.")
        if outcome in (Decision.Outcome.DISQUALIFIED, Decision.Outcome.REINSTATED):
            for field, sentence in (
                ("public_note", "Write the public note: what was found, where, and which rule it breaks."),
                ("internal_reason", "Write down the reason for other reviewers."),
            ):
                if not values.get(field) and field in self.fields and field not in self.errors:
                    self.add_error(field, sentence)
        return values
