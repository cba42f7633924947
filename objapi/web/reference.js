"use strict";

(() => {
  const place = document.getElementById("reference");
  window.SwaggerUIBundle({
    dom_id: "#reference",
    urls: JSON.parse(place.dataset.descriptions),
    presets: [window.SwaggerUIBundle.presets.apis, window.SwaggerUIStandalonePreset],
    layout: "StandaloneLayout",
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: 0,
    // No description is sent to a validator of another site.
    validatorUrl: null,
    requestInterceptor: (request) => {
      // Without it a browser answers 401 by a dialogue of its own, and remembers what is typed there.
      request.headers["X-Requested-With"] = "XMLHttpRequest";
      return request;
    },
  });
})();
