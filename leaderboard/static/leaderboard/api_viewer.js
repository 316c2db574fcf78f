// The schema viewer: everything it loads is served from here.
"use strict";

window.addEventListener("load", () => {
  const place = document.getElementById("api-viewer");
  window.SwaggerUIBundle({
    url: place.dataset.schema,
    domNode: place,
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
    supportedSubmitMethods: ["get"],
    presets: [window.SwaggerUIBundle.presets.apis],
  });
});
