"""allauth's forms in this site's words: labels instead of placeholders, one spelling, short hints."""

from __future__ import annotations

from typing import Any

from allauth.account import forms
from django.forms import Form

LABELS = {
    "email": "E-mail address",
    "login": "E-mail address",
    "password": "Password",
    "password1": "Password",
    "password2": "Password again",
    "oldpassword": "Present password",
    "remember": "Keep me signed in on this device",
}
HINTS = {"password1": "At least 10 characters, not only digits, not a common password."}


class Worded:
    """Mixed into a form: replaces labels and hints, and takes the placeholders away."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert isinstance(self, Form)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = LABELS.get(name, field.label)
            field.help_text = HINTS.get(name, "" if name in LABELS else field.help_text)


class SignupForm(Worded, forms.SignupForm):
    pass


class LoginForm(Worded, forms.LoginForm):
    pass


class ResetPasswordForm(Worded, forms.ResetPasswordForm):
    pass


class ResetPasswordKeyForm(Worded, forms.ResetPasswordKeyForm):
    pass


class ChangePasswordForm(Worded, forms.ChangePasswordForm):
    pass


class AddEmailForm(Worded, forms.AddEmailForm):
    pass


class ReauthenticateForm(Worded, forms.ReauthenticateForm):
    pass
